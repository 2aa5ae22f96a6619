"""Who the people are and what they did: each person is a function of their number, so a million of them cost no memory.

What WeChat calls them (OpenID, UnionID) is not decided here but in ids.py.
"""

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property

from app.sandbox.contacts import Contacts, PhoneStory

MOST_TOUCHPOINTS = 6
WORD = 2**16
WORDS = struct.Struct(">32H")
"""32 numbers below 65,536 are drawn per person: one per account for use, one per account for details, eight about the person."""
DETAILS, ENGAGEMENT, QUIRK, SNAPSHOT, NICKNAME, STORY_START = 12, 24, 27, 28, 29, 30
MEMBER, PHONE, ODDITY = 25, 26, 31

ENGAGEMENTS = (0.35, 0.8, 1.15, 1.7)
"""A quarter of the people each: the casual ones use one touchpoint, the regulars many."""
FOLLOWING, UNFOLLOWED = 0.72, 0.86
"""Of those who met an official account 72 % follow it, 14 % did and left, 14 % never did (they came by a web page)."""
STORY_DAYS = 720
GAVE_MEMBER, GAVE_PHONE = range(7), range(5, 10)
"""Of ten visits seven leave the member number, five the phone, two both."""

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
GIVEN = ("晓雨", "梓涵", "浩然", "欣怡", "子轩", "雨桐", "佳怡", "明", "静", "磊", "婷", "小满", "一诺", "思远", "安琪", "阿泽")


class Following(StrEnum):
    """How a person stands to an official account."""

    FOLLOWS = "FOLLOWS"
    UNFOLLOWED = "UNFOLLOWED"
    NEVER = "NEVER"


class UnionIdQuirk(StrEnum):
    """How WeChat shows a person's UnionID in answers; all four occur in the wild."""

    PLAIN = "PLAIN"
    ABSENT = "ABSENT"
    EMPTY = "EMPTY"
    PADDED = "PADDED"


QUIRKS = ((0.02, UnionIdQuirk.ABSENT), (0.03, UnionIdQuirk.EMPTY), (0.06, UnionIdQuirk.PADDED))
"""2 % of the people show no UnionID, 1 % an empty one, 3 % a padded one."""


@dataclass(frozen=True)
class Account:
    """What the crowd needs to know about a touchpoint."""

    app_id: str
    share: float
    has_followers: bool
    has_web_pages: bool


@dataclass(frozen=True)
class Visit:
    """One person's time at one touchpoint."""

    app_id: str
    first_at: datetime
    last_at: datetime
    following: Following | None
    """None where the touchpoint is no official account."""
    gave_member: bool
    gave_phone: bool


@dataclass(frozen=True)
class Person:
    """One WeChat user, with all that the brand could know about them."""

    number: int
    nickname: str
    visits: tuple[Visit, ...]
    members: tuple[str, ...]
    """Member numbers; two for the few who joined twice."""
    phone: str | None
    phone_story: PhoneStory
    second_account_of: int | None
    """The number of the same human's other WeChat account, whose member number this one shows too."""
    snapshot_at: tuple[str, ...]
    """Touchpoints whose web pages they were shown as a virtual visitor."""
    quirk: UnionIdQuirk
    skipped_in_batches: bool
    """Large batchget answers leave them out."""


@dataclass(frozen=True)
class Crowd:
    """All people of a brand, by number."""

    key: bytes
    accounts: tuple[Account, ...]
    size: int
    story_ends: datetime

    @cached_property
    def contacts(self) -> Contacts:
        """Phones and member numbers."""
        return Contacts(self.key)

    @cached_property
    def _thresholds(self) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(int(min(0.95, account.share * factor) * WORD) for account in self.accounts) for factor in ENGAGEMENTS)

    @cached_property
    def _place(self) -> dict[str, int]:
        return {account.app_id: place for place, account in enumerate(self.accounts)}

    def _words(self, number: int) -> tuple[int, ...]:
        drawn: tuple[int, ...] = WORDS.unpack(hashlib.blake2b(number.to_bytes(8, "big"), key=self.key, digest_size=64).digest())
        return drawn

    def _used(self, words: tuple[int, ...]) -> list[int]:
        thresholds = self._thresholds[words[ENGAGEMENT] % len(ENGAGEMENTS)]
        used = [place for place, threshold in enumerate(thresholds) if words[place] < threshold]
        return used[:MOST_TOUCHPOINTS] or [0]

    def _following(self, words: tuple[int, ...], place: int) -> Following:
        share = words[DETAILS + place] / WORD
        if share < FOLLOWING:
            return Following.FOLLOWS
        return Following.UNFOLLOWED if share < UNFOLLOWED else Following.NEVER

    def visit(self, number: int, app_id: str) -> Visit | None:
        """One person's time at one touchpoint, without the rest of the person."""
        words, place = self._words(number), self._place[app_id]
        return self._visit(words, place) if place in self._used(words) else None

    def uses(self, number: int, app_id: str) -> bool:
        """Whether the person ever came to the touchpoint."""
        return self._place[app_id] in self._used(self._words(number))

    def follows(self, number: int, app_id: str) -> bool:
        """Whether the person follows the official account now."""
        words, place = self._words(number), self._place[app_id]
        return place in self._used(words) and self._following(words, place) is Following.FOLLOWS

    def followers(self, app_id: str, after: int = -1) -> Iterator[int]:
        """The followers of an official account whose numbers come after the given one."""
        place, thresholds = self._place[app_id], self._thresholds
        follows_below = int(FOLLOWING * WORD)
        for number in range(after + 1, self.size):
            words = self._words(number)
            # The two cheap tests come first: this loop runs over everybody.
            if (
                words[place] < thresholds[words[ENGAGEMENT] % len(ENGAGEMENTS)][place]
                and words[DETAILS + place] < follows_below
                and place in self._used(words)
            ):
                yield number

    def quirk(self, number: int) -> UnionIdQuirk:
        """How WeChat shows this person's UnionID."""
        share = self._words(number)[QUIRK] / WORD
        return next((quirk for below, quirk in QUIRKS if share < below), UnionIdQuirk.PLAIN)

    def skipped_in_batches(self, number: int) -> bool:
        """One person in a hundred is left out of large batches."""
        return self._words(number)[QUIRK] % 100 == 0

    def nickname(self, number: int) -> str:
        """The name shown after a web authorisation; many people share one."""
        word = self._words(number)[NICKNAME]
        return SURNAMES[word % len(SURNAMES)] + GIVEN[word // len(SURNAMES) % len(GIVEN)]

    def person(self, number: int) -> Person:
        """Everything about one person."""
        if not 0 <= number < self.size:
            raise LookupError(f"there is no person {number}: numbers run from 0 to {self.size - 1}")
        words = self._words(number)
        visits = tuple(self._visit(words, place) for place in self._used(words))
        before = self._words(number - 1) if number else None
        phone, phone_story = self.contacts.phone(number, words[PHONE], before[PHONE] if before else None)
        members, second_account_of = self.contacts.members(number, words[MEMBER], words[ODDITY], before[MEMBER] if before else None)
        sees_snapshot = words[SNAPSHOT] < WORD // 50
        pages = {account.app_id for account in self.accounts if account.has_web_pages and account.has_followers}
        return Person(
            number=number,
            nickname=self.nickname(number),
            visits=visits,
            members=members,
            phone=phone,
            phone_story=phone_story,
            second_account_of=second_account_of,
            snapshot_at=tuple(visit.app_id for visit in visits if visit.app_id in pages) if sees_snapshot else (),
            quirk=self.quirk(number),
            skipped_in_batches=self.skipped_in_batches(number),
        )

    def _visit(self, words: tuple[int, ...], place: int) -> Visit:
        details, account = words[DETAILS + place], self.accounts[place]
        days_ago = 1 + (words[STORY_START] + details) % STORY_DAYS
        # A quarter came once; the others came again, up to the last day.
        stayed = 0 if details % 4 == 0 else (details * 7919) % days_ago
        first_at = self.story_ends - timedelta(days=days_ago) + timedelta(seconds=words[place] % 50_000)
        return Visit(
            app_id=account.app_id,
            first_at=first_at,
            last_at=first_at + timedelta(days=stayed),
            following=self._following(words, place) if account.has_followers else None,
            gave_member=details % 10 in GAVE_MEMBER,
            gave_phone=details % 10 in GAVE_PHONE,
        )
