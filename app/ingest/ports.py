"""What the API asks of ingestion: two services by their signatures alone, so that neither side imports the other's machinery."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from graph.jobs import Job
from graph.node import Key
from graph.results import Result
from graph.rows import ExternalRef
from graph.tenant import Tenant


class MissingUnionIdReason(enum.Enum):
    """Why WeChat returned no UnionID with a login."""

    NOT_BOUND = "NOT_BOUND"
    """The touchpoint is bound to no Open Platform account that we know of, and WeChat returned none: bind it."""
    SNAPSHOT_USER = "SNAPSHOT_USER"
    """The page was opened in snapshot mode (快照页): WeChat invented the user, and nothing was recorded."""
    SCOPE_TOO_SMALL = "SCOPE_TOO_SMALL"
    """The user granted `snsapi_base` alone: ask for `snsapi_userinfo`."""
    UNKNOWN = "UNKNOWN"
    """WeChat returned none and we know no reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginAnswer:
    """What one login code gave."""

    result: Result | None
    """What became of it in the graph; None where nothing was recorded."""
    open_id: Key | None
    """The OpenID that WeChat answered, by its key; None where nothing was recorded."""
    is_snapshot_user: bool = False
    missing_union_id_reason: MissingUnionIdReason | None = None
    """None where a UnionID came, or is known."""


class LoginService(Protocol):
    """Trades a login code for an identity."""

    async def exchange(self, tenant: Tenant, app_id: str, code: str, external_ids: tuple[ExternalRef, ...]) -> LoginAnswer:
        """Ask WeChat once and record the answer.

        Raises Refused: WeChatRefused, or a SimpleError with LOGIN_CODE_USED, WECHAT_UNAVAILABLE, ERASED, NOT_FOUND or INVALID_INPUT.
        External ids are checked before WeChat is asked: where one is refused, the code is still good.
        """
        ...


class BackfillService(Protocol):
    """Starts backfills."""

    async def start(self, tenant: Tenant, app_id: str) -> Job:
        """Put a BACKFILL job for a touchpoint's followers. Raises Refused with JOB_RUNNING, NOT_FOUND or INVALID_INPUT."""
        ...
