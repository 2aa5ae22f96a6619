"""Phones and member numbers of the sample people, with the troubles that real ones have: shared, recycled, typed at a store's tablet."""

from dataclasses import dataclass
from enum import StrEnum

WORD = 2**16
EIGHT_DIGITS = 10**8
PHONE_PREFIXES = ("138", "139", "136", "150", "158", "159", "176", "186", "188", "199")
TABLETS = 3
"""Stores where the assistant types the shop's own number when a guest will not give one."""

HAS_PHONE, HAS_MEMBER = 0.6, 0.5
SHARED, TABLET, RECYCLED = 0.04, 0.055, 0.06
"""Of all people 4 % use the phone of the person before them, 1.5 % a tablet's, 0.5 % one that was given up by the person before them."""
SECOND_ACCOUNT, JOINED_TWICE = 0.006, 0.01
"""Of all people 0.6 % are the second WeChat account of the person before them, 0.4 % joined the members' club twice."""


class PhoneStory(StrEnum):
    """Why a person has this phone."""

    NONE = "NONE"
    OWN = "OWN"
    SHARED = "SHARED"
    STORE_TABLET = "STORE_TABLET"
    RECYCLED = "RECYCLED"


@dataclass(frozen=True)
class Contacts:
    """Gives out numbers that no two people hold unless a story says so: both are permutations of the person's number."""

    key: bytes

    def phone(self, number: int, word: int, word_before: int | None) -> tuple[str | None, PhoneStory]:
        """A person's phone in E.164, from their word and that of the person before them."""
        share = word / WORD
        before_has_own = word_before is not None and self._has_own_phone(word_before)
        if share < SHARED and before_has_own:
            return self._own_phone(number - 1), PhoneStory.SHARED
        if SHARED <= share < TABLET:
            return self._own_phone(EIGHT_DIGITS - 1 - word % TABLETS), PhoneStory.STORE_TABLET
        if TABLET <= share < RECYCLED and before_has_own:
            return self._own_phone(number - 1), PhoneStory.RECYCLED
        return (self._own_phone(number), PhoneStory.OWN) if self._has_own_phone(word) else (None, PhoneStory.NONE)

    def members(self, number: int, word: int, oddity: int, word_before: int | None) -> tuple[tuple[str, ...], int | None]:
        """A person's member numbers, and the number of the person whose second WeChat account this is."""
        share = oddity / WORD
        if share < SECOND_ACCOUNT and word_before is not None and self._is_member(word_before):
            return (self._member(number - 1),), number - 1
        if not self._is_member(word):
            return (), None
        joined_twice = SECOND_ACCOUNT <= share < JOINED_TWICE
        return (self._member(number), *((self._member(EIGHT_DIGITS // 2 + number),) if joined_twice else ())), None

    def _has_own_phone(self, word: int) -> bool:
        return RECYCLED <= word / WORD < RECYCLED + HAS_PHONE

    def _is_member(self, word: int) -> bool:
        return word / WORD < HAS_MEMBER

    def _own_phone(self, number: int) -> str:
        # 70,000,013 shares no factor with ten, so multiplying permutes the eight digits.
        digits = (number * 70_000_013 + self.key[0] * 104_729) % EIGHT_DIGITS
        return f"+86{PHONE_PREFIXES[number % len(PHONE_PREFIXES)]}{digits:08d}"

    def _member(self, number: int) -> str:
        return f"LJ{(number * 30_000_001 + self.key[1] * 7_919) % EIGHT_DIGITS:08d}"
