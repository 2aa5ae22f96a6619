"""Texts of people in which somebody's identifiers may stand: found, and replaced by one fixed word. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import cached_property

from graph.errors import Refused
from graph.keys import Keys
from graph.node import Key
from graph.policy import IdentityPolicy

GONE = "[erased]"
"""What stands in place of an erased value."""
TELLING = 8
"""Characters from which on a value is looked for inside of words, too: a shorter one would be found in anything."""
SHORTEST_PHONE = 7
"""Digits from which on a number may be somebody's phone."""
_CANDIDATE = re.compile(r"\+?\d[\d ()-]{4,}\d|[^\s,;:'\"()<>]+")
"""What may be a value of a sensitive namespace, of which only the key is known: phone numbers as people write them, and words."""


class Wording:
    """Recognises the values of some identifiers; those of sensitive namespaces by their keys."""

    def __init__(self, values: Iterable[str], erased: frozenset[Key], policy: IdentityPolicy, keys: Keys) -> None:
        self.values = sorted(values, key=len, reverse=True)
        self._erased, self._keys = erased, keys
        self._sensitive = [one for one in policy.namespaces if one.is_sensitive]

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        found = [re.escape(one) if len(one) >= TELLING else rf"(?<![\w-]){re.escape(one)}(?![\w-])" for one in self.values]
        return re.compile("|".join(found)) if found else None

    def cleaned(self, text: str) -> str:
        """The text with the fixed word wherever one of the values stood."""
        clear = self._pattern.sub(GONE, text) if self._pattern else text
        return _CANDIDATE.sub(lambda found: GONE if self._is_sensitive(found[0]) else found[0], clear)

    def is_told(self, text: str | None) -> bool:
        """Whether one of the values that are long enough to be told from chance stands anywhere in it."""
        return text is not None and any(len(one) >= TELLING and one in text for one in self.values)

    def _is_sensitive(self, word: str) -> bool:
        for namespace in self._sensitive:
            try:
                if self._keys.external_id(namespace.namespace, namespace.normalise(word)) in self._erased:
                    return True
            except Refused:
                continue
        return False


def searchable(values: Iterable[str]) -> frozenset[str]:
    """Values as they stand in stored JSON."""
    return frozenset(json.dumps(one, ensure_ascii=False)[1:-1] for one in values)


def without_contacts(text: str, policy: IdentityPolicy) -> str:
    """The text without anything that could be a phone number or an e-mail address, whosever it may be."""

    def looked_at(found: re.Match[str]) -> str:
        return GONE if any(_can_be(found[0], one.normalise) for one in policy.namespaces if one.is_sensitive) else found[0]

    return _CANDIDATE.sub(looked_at, text)


def _can_be(word: str, normalise: Callable[[str], str]) -> bool:
    try:
        normalise(word)
    except Refused:
        return False
    return sum(map(str.isdigit, word)) >= SHORTEST_PHONE or "@" in word
