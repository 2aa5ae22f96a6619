"""Texts of people in which somebody's identifiers may stand: found, and replaced by one fixed word. Pure.

Chinese is written without blanks, so a value is found by what it is made of and not by what stands beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import cast

from graph.errors import Refused
from graph.keys import Keys
from graph.node import Key, Node
from graph.policy import IdentityPolicy, NamespacePolicy, Normaliser

WORDS = ("reason", "revoked_reason", "last_error")
"""Fields of nodes that hold words of people, or of a program about its work."""
GONE = "[erased]"
"""What stands in place of an erased value."""
TELLING = 8
"""Characters from which on a value is looked for inside of words, too: a shorter one would be found in anything."""
SHORTEST_PHONE = 7
"""Digits from which on a number may be somebody's phone."""
MOST_PARTS = 16
"""Parts of one value, with punctuation between: a phone number's digits one by one are 13. It bounds how much a text makes us try."""
_NARROW = {0x3000: " "} | {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)}
"""Full-width letters, digits and punctuation, one by one as ASCII."""
Spans = Callable[[str], Iterable[tuple[int, int]]]
"""Finds where in a text something may stand."""
_DIGITS = r"\+?\d(?:[\s().\-/~\u2010-\u2015]{0,3}\d)*+"


@dataclass(frozen=True)
class _Shape:
    """Where a value may stand: it is a run, or goes from where one part of a run begins to where one ends."""

    run: re.Pattern[str]
    part: re.Pattern[str]

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """From left to right, the longest first."""
        for run in self.run.finditer(text):
            yield run.span()
            parts = [one.span() for one in self.part.finditer(text, *run.span())]
            for number, (start, _) in enumerate(parts):
                yield from ((start, end) for _, end in reversed(parts[number : number + MOST_PARTS]))


_NUMBER = _Shape(re.compile(_DIGITS), re.compile(r"\+?\d+"))
"""A phone number as people write it."""
_LONE_NUMBER = _Shape(re.compile(rf"(?<![A-Za-z0-9_])(?<![A-Za-z_]-){_DIGITS}(?!-?[A-Za-z_])"), _NUMBER.part)
"""The same, where it is not the number in somebody's ticket or id."""
_ADDRESS = _Shape(re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+", re.ASCII), re.compile(r"\w+", re.ASCII))
"""An e-mail address in ASCII."""
_WORD = _Shape(re.compile(r"[^\s,;:'\"()<>、。“”‘’「」《》【】…—]+"), re.compile(r"[A-Za-z0-9_]+|[^\x00-\x7f]+"))
"""Anything else."""
_SHAPES = {Normaliser.PHONE_E164: (_NUMBER,), Normaliser.EMAIL: (_ADDRESS, _WORD)}
_CONTACTS = [
    NamespacePolicy(namespace=one.name.lower(), max_per_customer=None, is_sensitive=True, normaliser=one)
    for one in (Normaliser.PHONE_E164, Normaliser.EMAIL)
]


class Wording:
    """Recognises the values of some identifiers; by their keys those that are not stored, or that people write in several ways."""

    def __init__(self, values: Iterable[str], erased: Container[Key], policy: IdentityPolicy, keys: Keys) -> None:
        self.values = sorted(values, key=len, reverse=True)
        self._erased, self._keys = erased, keys
        self._by_key = [one for one in policy.namespaces if one.is_sensitive or one.normaliser in _SHAPES]

    @cached_property
    def _long(self) -> re.Pattern[str]:
        return _any_of(one for one in self.values if len(one) >= TELLING)

    @cached_property
    def _short(self) -> re.Pattern[str]:
        return _any_of((one for one in self.values if len(one) < TELLING), "[A-Za-z0-9_-]")

    def cleaned(self, text: str) -> str:
        """The text with the fixed word wherever one of the values stood; short ones last, for they may be part of an address."""
        text = _without(text, _spans(self._long))
        for namespace in self._by_key:
            for shape in _SHAPES.get(namespace.normaliser, (_WORD,)):
                text = _without(text, shape.spans, partial(self._is_known, namespace))
        return _without(text, _spans(self._short))

    def is_told(self, text: str | None) -> bool:
        """Whether one of the values that are long enough to be told from chance stands anywhere in it."""
        return text is not None and any(len(one) >= TELLING and one in text for one in self.values)

    def _is_known(self, namespace: NamespacePolicy, value: str) -> bool:
        normalised = _normalised(namespace, value)
        return normalised is not None and self._keys.external_id(namespace.namespace, normalised) in self._erased


class _Asked:
    """Holds no key, and remembers which ones it was asked for."""

    def __init__(self) -> None:
        self.keys: set[Key] = set()

    def __contains__(self, key: object) -> bool:
        self.keys.add(cast("Key", key))
        return False


def words_of(node: Node) -> dict[str, str]:
    """What people wrote into a node, by field."""
    return {name: text for name in WORDS if isinstance(text := getattr(node, name, None), str)}


def quoted(nodes: Iterable[Node], policy: IdentityPolicy, keys: Keys) -> frozenset[Key]:
    """The keys of whatever their words may quote, of what is recognised by its key."""
    asked = _Asked()
    wording = Wording((), asked, policy, keys)
    for node in nodes:
        for text in words_of(node).values():
            wording.cleaned(text)
    return frozenset(asked.keys)


def searchable(values: Iterable[str]) -> frozenset[str]:
    """Values as they stand in stored JSON."""
    return frozenset(json.dumps(one, ensure_ascii=False)[1:-1] for one in values)


def without_contacts(text: str, policy: IdentityPolicy) -> str:
    """The text without anything that could be somebody's phone number, e-mail address, or number in a namespace that hides its values."""
    others = (one for one in policy.namespaces if one.is_sensitive and one.normaliser not in _SHAPES)
    for namespace in (*_CONTACTS, *others):
        for shape in (_LONE_NUMBER,) if namespace.normaliser is Normaliser.PHONE_E164 else _SHAPES.get(namespace.normaliser, (_WORD,)):
            text = _without(text, shape.spans, partial(_can_be, namespace))
    return text


def _can_be(namespace: NamespacePolicy, value: str) -> bool:
    is_telling = "@" in value or (value.isascii() and sum(map(str.isdigit, value)) >= SHORTEST_PHONE)
    return is_telling and _normalised(namespace, value) is not None


def _normalised(namespace: NamespacePolicy, value: str) -> str | None:
    try:
        return namespace.normalise(value)
    except Refused:
        return None


def _any_of(values: Iterable[str], beside: str = "(?!)") -> re.Pattern[str]:
    """One of the values, with nothing of this kind beside it."""
    found = "|".join(re.escape(one.translate(_NARROW)) for one in values) or "(?!)"
    return re.compile(f"(?<!{beside})(?:{found})(?!{beside})")


def _spans(pattern: re.Pattern[str]) -> Spans:
    return lambda text: (found.span() for found in pattern.finditer(text))


def _without(text: str, spans: Spans, is_meant: Callable[[str], bool] = bool) -> str:
    """The text with the fixed word in place of what is meant, as it is written or with narrow characters."""
    narrow, left, done = text.translate(_NARROW), list[str](), 0
    for start, end in spans(narrow):
        if start >= done and any(map(is_meant, {narrow[start:end], text[start:end]})):
            left += [text[done:start], GONE]
            done = end
    return "".join([*left, text[done:]])
