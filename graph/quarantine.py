"""What could not be applied yet: kept with the reason, released when the reason is gone."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Annotated, ClassVar

from graph.node import Doc, Internal, Key, Millis, Node, moment


class QuarantineReason(enum.Enum):
    """Why it waits."""

    UNKNOWN_TOUCHPOINT = "UNKNOWN_TOUCHPOINT"
    """No touchpoint with its AppID is registered."""
    NO_BINDING_COVERS_IT = "NO_BINDING_COVERS_IT"
    """It brought a UnionID for a time at which no known binding holds."""
    MALFORMED = "MALFORMED"
    """It could not be read as an identity."""


HINTS = {
    QuarantineReason.UNKNOWN_TOUCHPOINT: (
        "No touchpoint with this AppID is registered: register it with registerTouchpoint, and what waits is applied."
    ),
    QuarantineReason.NO_BINDING_COVERS_IT: (
        "WeChat returned a UnionID, so this account is bound somewhere: register the binding with bindTouchpoint. "
        "The OpenID and its external ids count already; the UnionID is applied once a binding covers the time it was seen."
    ),
    QuarantineReason.MALFORMED: "WeChat's answer could not be read as an identity. If the cause is gone, replay it with replayQuarantine.",
}


@dataclass(frozen=True, kw_only=True)
class Quarantined(Node):
    """A row, or a UnionID, that waits: nothing that arrived is lost."""

    prefix: ClassVar[str] = "qua"
    reason: Annotated[QuarantineReason, Doc("Why it waits.")]
    app_id: Annotated[str | None, Doc("The AppID it came from; null where it named none.")]
    first: Annotated[Millis, Internal]
    last: Annotated[Millis, Internal]
    times: Annotated[int, Doc("How often the same row came.")]
    row: Annotated[str, Internal] = ""
    """The row as JSON, sensitive external ids as keys only; empty for a UnionID that waits, whose row is its evidence."""
    holder: Annotated[Key | None, Internal] = None
    """The OpenID whose evidence waits."""

    def merged(self, other: Quarantined) -> Quarantined:
        """Both together, if they are the same row."""
        return replace(self, first=min(self.first, other.first), last=max(self.last, other.last), times=self.times + other.times)

    @cached_property
    def hint(self) -> str:
        """What to do so that it can be applied."""
        return HINTS[self.reason]

    @cached_property
    def received_at(self) -> datetime:
        """When it was first seen."""
        return moment(self.first)
