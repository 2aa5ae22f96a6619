"""What a caller gave: absent, null or a value, and whether its text can be stored. Paths and field names are those of the API's inputs."""

from __future__ import annotations

import enum
import re
import unicodedata
from typing import Final, TypeVar

from graph.errors import Refused, invalid
from graph.node import Millis

T = TypeVar("T")


class Unset(enum.Enum):
    """The type of UNSET."""

    UNSET = "UNSET"


UNSET: Final = Unset.UNSET
"""An argument that was not given, as opposed to one given as null."""

MAX_ID, MAX_NAME, MAX_REASON = 64, 200, 1000
_WECHAT_ID = re.compile(rf"[!-~]{{1,{MAX_ID}}}")
_CREDIT_CODE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")
_UNSTORABLE = {"Cc", "Cs"}
"""Control characters, and halves of a character, which no store can write."""


def settled(given: T | Unset, stored: T) -> T:
    """The given value, or where none was given the one that stands."""
    return stored if given is UNSET else given


def need(**fields: object) -> None:
    """Refuse a first registration that lacks these fields, naming each one."""
    lacking = [_camel(name) for name, given in fields.items() if given is UNSET]
    if lacking:
        raise Refused(*[error for name in lacking for error in invalid(f"A first registration needs `{name}`: give it.", name).errors])


def not_null(given: T | Unset | None, field: str) -> T | Unset:
    """A field that may be left out but not cleared."""
    if given is None:
        raise invalid(f"`{field}` cannot be null: leave it out, or give it a value.", field)
    return given


def wechat_id(text: str, field: str) -> str:
    """An AppID, an open_appid or an original id. WeChat promises no pattern, so a strange one is not refused; case matters."""
    if not _WECHAT_ID.fullmatch(text):
        raise invalid(
            f"`{field}` has 1 to {MAX_ID} printable ASCII characters and no blanks: copy it from WeChat's console as it stands.", field
        )
    return text


def own_id(text: str, field: str) -> str:
    """An id that the operator chose."""
    if not (0 < len(text) <= MAX_ID and text.isprintable()) or any(map(str.isspace, text)):
        raise invalid(f"`{field}` has 1 to {MAX_ID} printable characters and no blanks: choose another.", field)
    return text


def name_text(text: str | Unset | None) -> str | Unset:
    """What something is called."""
    given = not_null(text, "name")
    return given if given is UNSET else text_of(given, "name", MAX_NAME)


def reason_text(text: str) -> str:
    """Why somebody did something."""
    return text_of(text, "reason", MAX_REASON)


def credit_code_text(text: str | Unset | None) -> str | Unset | None:
    """A unified social credit code; null where unknown."""
    if isinstance(text, str) and not _CREDIT_CODE.fullmatch(text):
        raise invalid(
            "`creditCode` has 18 characters, digits and capitals without I, O, S, V and Z: copy it from the business licence.", "creditCode"
        )
    return text


def past_moment(at: Millis, now: Millis) -> Millis:
    """When something happened: history holds nothing that has yet to come."""
    if at > now:
        raise invalid("`at` lies in the future: record it when it has happened.", "at")
    if at < 0:
        raise invalid(
            "`at` lies before 1970: for what holds since ever, leave it out of a first binding, or correct the binding's to null.", "at"
        )
    return at


def text_of(text: str, field: str, most: int = MAX_NAME) -> str:
    """Text for people, which every store can write: what any field of free text must be."""
    if not text.strip() or len(text) > most or any(unicodedata.category(character) in _UNSTORABLE for character in text):
        raise invalid(f"`{field}` has 1 to {most} characters, not only blanks and no control characters.", field)
    return text


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
