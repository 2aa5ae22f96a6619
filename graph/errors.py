"""Every failure that a caller may expect, as plain data; `Refused` is the one exception that carries them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from graph.node import Doc

if TYPE_CHECKING:
    from graph.accounts import Binding
    from graph.limits import BindingLimit


class UserErrorCode(enum.Enum):
    """Why something was refused, for programs. New codes may come: treat an unknown one as a refusal."""

    NOT_FOUND = "NOT_FOUND"
    """What the input names is not known to this tenant."""
    INVALID_INPUT = "INVALID_INPUT"
    """The input cannot be taken as it is: see the message."""
    ALREADY_BOUND = "ALREADY_BOUND"
    """The touchpoint is bound at that time."""
    NOT_BOUND = "NOT_BOUND"
    """The touchpoint is bound to nothing at that time."""
    BINDING_LIMIT_REACHED = "BINDING_LIMIT_REACHED"
    """WeChat's limits leave no room for this binding."""
    NOT_QUALIFIED = "NOT_QUALIFIED"
    """The Open Platform account lacks the developer qualification that this binding needs."""
    OVERLAPPING_BINDING = "OVERLAPPING_BINDING"
    """Another assertion about the touchpoint begins at the same instant."""
    CONTRADICTING_DECISION = "CONTRADICTING_DECISION"
    """A standing decision of a steward says the opposite."""
    ERASED = "ERASED"
    """It named a person who was erased."""
    SNAPSHOT_USER = "SNAPSHOT_USER"
    """WeChat made up the user (快照页): nothing was stored."""
    WECHAT_REFUSED = "WECHAT_REFUSED"
    """WeChat answered with an error code."""
    WECHAT_UNAVAILABLE = "WECHAT_UNAVAILABLE"
    """WeChat did not answer in time: try again later."""
    LOGIN_CODE_USED = "LOGIN_CODE_USED"
    """The login code was used already: let the user log in again. One that is too old or of another app is WECHAT_REFUSED, with 40029."""
    JOB_RUNNING = "JOB_RUNNING"
    """A job of this kind works on this touchpoint already."""


@dataclass(frozen=True, kw_only=True)
class UserError:
    """A failure that the caller may expect: what happened and what to do."""

    message: Annotated[str, Doc("One or two sentences for people: what was wrong and what to do. Holds no personal identifier.")]
    code: Annotated[UserErrorCode, Doc("The same for programs.")]
    path: Annotated[
        list[str] | None,
        Doc("Which part of the input it speaks of, from its root, or from the item that is answered; null where it is about the whole."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SimpleError(UserError):
    """A failure with no facts of its own."""


@dataclass(frozen=True, kw_only=True)
class AlreadyBound(UserError):
    """The touchpoint is bound at that time: move it instead, or correct the binding."""

    binding: Annotated[Binding, Doc("The binding that covers the time asked for.")]


@dataclass(frozen=True, kw_only=True)
class BindingLimitReached(UserError):
    """WeChat would refuse this binding. If WeChat accepted it anyway, say so with `hasHappened: true`."""

    limit: Annotated[BindingLimit, Doc("The limit that bites, with every component, its source and its date.")]


@dataclass(frozen=True, kw_only=True)
class WeChatRefused(UserError):
    """WeChat answered with an error code."""

    errcode: Annotated[int, Doc("WeChat's errcode.")]
    rid: Annotated[str | None, Doc("WeChat's support handle for the request, good for 7 days; null where WeChat gave none.")]
    is_retryable: Annotated[bool, Doc("Whether the same call may succeed later without a change of configuration.")]


class Refused(Exception):  # it is an answer, not a malfunction: "the call was refused"
    """Carries the failures of one call to its payload."""

    def __init__(self, *errors: UserError) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = list(errors)


def invalid(message: str, *path: str) -> Refused:
    """The input cannot be taken as it is."""
    return Refused(SimpleError(message=message, code=UserErrorCode.INVALID_INPUT, path=list(path) or None))


def not_found(message: str, *path: str) -> Refused:
    """What the input names is not known to this tenant."""
    return Refused(SimpleError(message=message, code=UserErrorCode.NOT_FOUND, path=list(path) or None))
