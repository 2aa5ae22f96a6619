"""Changing what is bound to what. A history is a set of assertions; each of these adds one, or puts one right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import strawberry

from app.api.context import Info
from app.api.fields import Payload, mutation
from app.api.publish import publish, publish_input
from graph.accounts import Binding
from graph.apikeys import Scope
from graph.binding import bind_touchpoint, correct_binding, move_touchpoint, retract_binding, unbind_touchpoint
from graph.bindings import BindingPath
from graph.given import UNSET, Unset
from graph.jobs import Job
from graph.node import Doc, Id, Millis, millis

HAPPENED = "WeChat did it already: then no limit refuses it; over one it is recorded and flagged."
JOB = "The job that brings evidence in line with the new history; null where nothing changed or it was refused."


@publish_input
@dataclass(frozen=True, kw_only=True)
class BindTouchpointInput:
    """A binding to be recorded."""

    app_id: Annotated[str, Doc("The touchpoint's AppID.")]
    open_app_id: Annotated[str, Doc("The Open Platform account's open_appid.")]
    at: Annotated[
        datetime | None,
        Doc(
            "From when on, not in the future. Absent: a touchpoint's first holds since ever and so counts in no month, a later one from "
            "now. Give it for what is bound today."
        ),
    ] = None
    path: Annotated[BindingPath, Doc("How it is made.")] = BindingPath.CONSOLE
    has_happened: Annotated[bool, Doc(HAPPENED)] = False


@publish_input
@dataclass(frozen=True, kw_only=True)
class UnbindTouchpointInput:
    """An unbinding to be recorded."""

    app_id: Annotated[str, Doc("The touchpoint's AppID.")]
    at: Annotated[datetime | None, Doc("From when on, not in the future. Absent: now.")] = None


@publish_input
@dataclass(frozen=True, kw_only=True)
class MoveTouchpointInput:
    """A move to be recorded."""

    app_id: Annotated[str, Doc("The touchpoint's AppID.")]
    to_open_app_id: Annotated[str, Doc("The open_appid of the account that it moves to.")]
    at: Annotated[datetime | None, Doc("From when on, not in the future. Absent: now.")] = None
    path: Annotated[BindingPath, Doc("How it is made.")] = BindingPath.CONSOLE
    has_happened: Annotated[bool, Doc(HAPPENED)] = False


@publish_input
@dataclass(frozen=True, kw_only=True)
class CorrectBindingInput:
    """What was really so. Give `openAppId`, `at` or both."""

    binding_id: Annotated[Id, Doc("Which assertion (`bnd_…`).")]
    open_app_id: Annotated[str | Unset | None, Doc("What it was bound to; null: to nothing; absent: as it stands.")] = UNSET
    at: Annotated[datetime | Unset | None, Doc("From when on; null: since ever; absent: as it stands.")] = UNSET
    reason: Annotated[str, Doc("Why, for those who read it later: 1 to 1,000 characters.")]


@publish_input
@dataclass(frozen=True, kw_only=True)
class RetractBindingInput:
    """What was never so."""

    binding_id: Annotated[Id, Doc("Which assertion (`bnd_…`).")]
    reason: Annotated[str, Doc("Why, for those who read it later: 1 to 1,000 characters.")]


@publish
@dataclass(frozen=True, kw_only=True)
class BindTouchpointPayload(Payload):
    """The binding that was recorded."""

    binding: Annotated[Binding | None, Doc("The binding; null where it was refused.")] = None
    job: Annotated[Job | None, Doc(JOB)] = None


@publish
@dataclass(frozen=True, kw_only=True)
class UnbindTouchpointPayload(Payload):
    """The unbinding that was recorded."""

    binding: Annotated[Binding | None, Doc("The assertion that it is bound to nothing; null where it was refused.")] = None
    job: Annotated[Job | None, Doc(JOB)] = None


@publish
@dataclass(frozen=True, kw_only=True)
class MoveTouchpointPayload(Payload):
    """The binding to the new account."""

    binding: Annotated[Binding | None, Doc("The new binding; null where it was refused.")] = None
    job: Annotated[Job | None, Doc(JOB)] = None


@publish
@dataclass(frozen=True, kw_only=True)
class CorrectBindingPayload(Payload):
    """The assertion as it is now."""

    binding: Annotated[Binding | None, Doc("The assertion; null where it was refused.")] = None
    job: Annotated[Job | None, Doc(JOB)] = None


@publish
@dataclass(frozen=True, kw_only=True)
class RetractBindingPayload(Payload):
    """The assertion that no longer counts."""

    binding: Annotated[Binding | None, Doc("The assertion; null where it was refused.")] = None
    job: Annotated[Job | None, Doc(JOB)] = None


@strawberry.type
class BindingMutations:
    """Mutations on binding histories."""

    @mutation(needs=Scope.MANAGE)
    async def bind_touchpoint(
        self,
        info: Info,
        input: Annotated[BindTouchpointInput, strawberry.argument(description="The binding.")],  # noqa: A002
    ) -> BindTouchpointPayload:
        """Record a binding of a touchpoint that is bound to nothing. Refused where WeChat's limits leave no room, unless it happened."""
        said = vars(input) | {"at": _stored(input.at)}
        binding, job = await bind_touchpoint(info.context.tenant, **said)
        info.context.wake()
        return BindTouchpointPayload(binding=binding, job=job)

    @mutation(needs=Scope.MANAGE)
    async def unbind_touchpoint(
        self,
        info: Info,
        input: Annotated[UnbindTouchpointInput, strawberry.argument(description="The unbinding.")],  # noqa: A002
    ) -> UnbindTouchpointPayload:
        """Record that a touchpoint is bound to nothing from a moment on."""
        binding, job = await unbind_touchpoint(info.context.tenant, input.app_id, at=_stored(input.at))
        info.context.wake()
        return UnbindTouchpointPayload(binding=binding, job=job)

    @mutation(needs=Scope.MANAGE)
    async def move_touchpoint(
        self,
        info: Info,
        input: Annotated[MoveTouchpointInput, strawberry.argument(description="The move.")],  # noqa: A002
    ) -> MoveTouchpointPayload:
        """Record that a bound touchpoint moves to another Open Platform account. Customers stay whole; both accounts' UnionIDs are kept."""
        said = vars(input) | {"at": _stored(input.at)}
        binding, job = await move_touchpoint(info.context.tenant, **said)
        info.context.wake()
        return MoveTouchpointPayload(binding=binding, job=job)

    @mutation(needs=Scope.MANAGE)
    async def correct_binding(
        self,
        info: Info,
        input: Annotated[CorrectBindingInput, strawberry.argument(description="What was so.")],  # noqa: A002
    ) -> CorrectBindingPayload:
        """Put one assertion of a history right. It says what happened, so no limit is checked."""
        at = _stored(input.at) if isinstance(input.at, datetime) else input.at
        binding, job = await correct_binding(
            info.context.tenant, input.binding_id, reason=input.reason, open_app_id=input.open_app_id, at=at
        )
        info.context.wake()
        return CorrectBindingPayload(binding=binding, job=job)

    @mutation(needs=Scope.MANAGE)
    async def retract_binding(
        self,
        info: Info,
        input: Annotated[RetractBindingInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> RetractBindingPayload:
        """Take one assertion of a history back, as if it had never been made."""
        binding, job = await retract_binding(info.context.tenant, input.binding_id, reason=input.reason)
        info.context.wake()
        return RetractBindingPayload(binding=binding, job=job)


def _stored(at: datetime | None) -> Millis | None:
    return None if at is None else millis(at)
