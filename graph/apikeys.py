"""API keys as they are stored: a digest, never the secret. Who may do what with one is decided in app/access.py."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Annotated, ClassVar

from graph.node import Doc, Internal, Millis, Node, moment


class Scope(enum.Enum):
    """What a key may do. Scopes do not contain each other: name each one that is needed."""

    READ = "READ"
    """Ask anything, and what an answer leads to beyond what a mutation changed."""
    INGEST = "INGEST"
    """Record what WeChat said, and run the jobs that ask it."""
    MANAGE = "MANAGE"
    """Change the brand's side: entities, accounts, bindings, limits."""
    STEWARD = "STEWARD"
    """Decide who is who, and erase people."""
    ADMIN = "ADMIN"
    """Make and revoke keys."""


@dataclass(frozen=True, kw_only=True)
class ApiKey(Node):
    """A key to one tenant. Its secret was shown once, when it was made."""

    prefix: ClassVar[str] = "key"
    name: Annotated[str, Doc("What its maker called it; decisions made with it carry this name.")]
    scopes: Annotated[list[Scope], Doc("What it may do.")]
    digest: Annotated[str, Internal]
    created: Annotated[Millis, Internal]
    last_used: Annotated[Millis | None, Internal] = None
    expires: Annotated[Millis | None, Internal] = None
    revoked: Annotated[Millis | None, Internal] = None

    @cached_property
    def created_at(self) -> datetime:
        """When it was made."""
        return moment(self.created)

    @cached_property
    def last_used_at(self) -> datetime | None:
        """When it was last used, to within a minute; null: never."""
        return None if self.last_used is None else moment(self.last_used)

    @cached_property
    def expires_at(self) -> datetime | None:
        """From when on it is refused; null: never."""
        return None if self.expires is None else moment(self.expires)

    @cached_property
    def revoked_at(self) -> datetime | None:
        """When it was revoked; null where it was not."""
        return None if self.revoked is None else moment(self.revoked)

    def is_good(self, now: Millis) -> bool:
        """Whether it opens anything at this moment."""
        return self.revoked is None and (self.expires is None or now < self.expires)
