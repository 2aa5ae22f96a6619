"""What must never be read by people: `Secret`, the wrapper that hides a value, and the one place that masks texts, logs and errors.

Masked: AppSecrets, tokens, codes, session keys, OpenIDs, UnionIDs and whole query strings. Kept, for support: AppID, path, errcode, rid.
"""

import hmac
import logging
import re
import traceback
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

MASK = "***"

# An errmsg, a log line or a traceback past this length holds a dump, not a message.
LONGEST_TEXT = 20_000

_SENSITIVE_NAMES = (
    r"(?:app_?)?secret|component_appsecret|(?:\w+_)?(?:access|refresh)_token|js_code|login_code|oauth_code|auth(?:orization)?_code"
    r"|session_?key|encoding_?aes_?key|component_verify_ticket|ticket|(?:next_)?open_?ids?|open_?p_?id|union_?ids?"
    r"|ori_openid|new_openid|(?:pure)?phone_?number|api_?key|authorization"
)
_SENSITIVE_NAME = re.compile(_SENSITIVE_NAMES, re.IGNORECASE)
_QUERY_STRING = re.compile(r"(?P<address>https?://[^\s?\"'<>]+)\?[^\s\"'<>)\]}]*", re.IGNORECASE)
_RELATIVE_QUERY = re.compile(r"(?P<path>(?<![\w/])/(?:cgi-bin|sns|wxa|channels)/[\w/]+)\?[^\s\"'<>)\]}]*", re.IGNORECASE)
_PARAMETER = re.compile(rf"\b(?P<name>{_SENSITIVE_NAMES}|(?<=[?&])code)=[^&\s\"'<>]+", re.IGNORECASE)
_QUOTED_FIELD = re.compile(
    rf"(?P<name>[\"'](?:{_SENSITIVE_NAMES})[\"']\s*:\s*)(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\[[^\]]*\])", re.IGNORECASE
)
# The shapes WeChat's ids and tokens have in every sample; longer than any word people write.
_IDENTIFIER = re.compile(r"(?<![0-9A-Za-z_-])o[0-9A-Za-z_-]{27}(?![0-9A-Za-z_-])")
_TOKEN = re.compile(r"(?<![0-9A-Za-z_-])\d{1,3}_[0-9A-Za-z_-]{16,}")
_SESSION_KEY = re.compile(r"(?<![0-9A-Za-z+/])[0-9A-Za-z+/]{22}==")
# Any long run with a digit in it, but for a rid: no AppID (18 characters) and no word of WeChat's messages looks like that.
_OPAQUE = re.compile(
    r"(?<![0-9A-Za-z_+/-])(?![0-9a-f]{8}(?:-[0-9a-f]{8}){2}(?![0-9A-Za-z_+/-]))(?=[A-Za-z_+/-]*[0-9])[0-9A-Za-z_+/-]{20,}={0,2}"
)
# `code` is a login code in one log line and an error's name in the next: names and numbers may be read, the rest may not.
_CODE_FOR_PEOPLE = re.compile(r"[A-Z][A-Z_]*|-?\d{1,6}")


class Secret:
    """A value that must not be read by people: every way of printing it shows a mask."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself; call this only where it is handed to WeChat or compared."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __str__(self) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str | tuple[Any, ...]:
        msg = "a Secret is never written anywhere"
        raise TypeError(msg)


def redact(text: str, hide: Iterable[Secret | str] = ()) -> str:
    """Return the text with everything sensitive masked; `hide` names values that the caller knows to be in play."""
    text = text[:LONGEST_TEXT]
    for value in hide:
        plain = value.reveal() if isinstance(value, Secret) else value
        if plain:
            text = text.replace(plain, MASK)
    text = _QUERY_STRING.sub(rf"\g<address>?{MASK}", text)
    text = _RELATIVE_QUERY.sub(rf"\g<path>?{MASK}", text)
    text = _PARAMETER.sub(rf"\g<name>={MASK}", text)
    text = _QUOTED_FIELD.sub(rf'\g<name>"{MASK}"', text)
    text = _IDENTIFIER.sub(f"o{MASK}", text)
    text = _TOKEN.sub(MASK, text)
    return _SESSION_KEY.sub(MASK, text)


def redact_errmsg(text: str, hide: Iterable[Secret] = ()) -> str:
    """Return a message of WeChat's without anything that could be a value; stricter than `redact`, which would spoil our own ids."""
    return _OPAQUE.sub(MASK, redact(text, hide))


class Redactor:
    """Masks log events of structlog; put it last before the renderer."""

    def __init__(self, hide: Iterable[Secret] = ()) -> None:
        self._hide = tuple(hide)

    def __call__(self, logger: object, method_name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Mask every value of a structlog event; an exception becomes redacted text, without the variables of its frames."""
        del logger, method_name
        if raised := event.pop("exc_info", None):
            event["exception"] = _traceback(raised)
        for name, value in list(event.items()):
            event[name] = self.masked(value, name)
        return event

    def masked(self, value: object, name: str = "") -> object:
        """Return the value as it may be logged under this name."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if _SENSITIVE_NAME.fullmatch(name) or (name == "code" and not _CODE_FOR_PEOPLE.fullmatch(str(value))):
            return MASK
        if isinstance(value, str):
            return redact(value, self._hide)
        if isinstance(value, Mapping):
            return {self._key(key): self.masked(item, str(key)) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.masked(item) for item in value]
        return redact(repr(value), self._hide)

    def _key(self, key: object) -> str:
        return redact(str(key), self._hide)


def _traceback(raised: object) -> str:
    if isinstance(raised, BaseException):
        return "".join(traceback.format_exception(raised))
    if isinstance(raised, tuple):
        return "".join(traceback.format_exception(*raised))
    return traceback.format_exc()


class RedactingFilter(logging.Filter):
    """Masks records of the standard library's logging, message and traceback alike; put it on handlers, or on one logger."""

    def __init__(self, hide: Iterable[Secret] = ()) -> None:
        super().__init__()
        self._hide = tuple(hide)

    def filter(self, record: logging.LogRecord) -> bool:
        """Mask the record in place and let it pass."""
        record.msg = redact(record.getMessage(), self._hide)
        record.args = ()
        if record.exc_info:
            # A formatter prints exc_text when it is there; the exception itself, with its own text, must not travel further.
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info), self._hide)
            record.exc_info = None
        elif record.exc_text:
            record.exc_text = redact(record.exc_text, self._hide)
        return True
