"""What WeChat says about the followers of an official account, in chunks: pages of OpenIDs, then batches of user information."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass

from app.wechat.client import WeChatClient
from app.wechat.messages import BatchAnswer, UserInfo
from graph.node import Key

CHUNK = 500
"""OpenIDs dealt with in one go: as many as are recorded in one turn."""
BATCH = 100
"""WeChat's largest batch."""
SMALL_BATCH = 10
"""Large answers leave some users out; small ones do not."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """Followers to ask about."""

    open_ids: tuple[str, ...]
    total: int | None
    damaged: int
    """Entries of WeChat's list that were no OpenIDs."""
    starts_anew: bool
    """Whether the list is read from its start, so that what was counted before is counted again."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What became of a chunk."""

    infos: tuple[UserInfo, ...]
    unanswered: tuple[str, ...]
    """Followers about whom WeChat said nothing, asked twice."""
    refused: int
    """OpenIDs that WeChat does not know."""


async def follower_chunks(wechat: WeChatClient, app_id: str, key_of: Callable[[str], Key], after: str) -> AsyncIterator[Chunk]:
    """The followers behind the one with the key `after`, or all of them; all of them too where that one follows no more."""
    is_found = not after
    starts_anew = is_found
    async for open_ids, total, damaged in _pages(wechat, app_id):
        wanted = open_ids
        if not is_found:
            place = next((place for place, open_id in enumerate(open_ids) if key_of(open_id) == after), None)
            if place is None:
                continue
            is_found, wanted, damaged = True, open_ids[place + 1 :], 0  # noqa: PLW2901 - what was damaged there has been counted
        for part in _parts(wanted, CHUNK):
            yield Chunk(open_ids=part, total=total, damaged=damaged, starts_anew=starts_anew)
            starts_anew, damaged = False, 0  # noqa: PLW2901 - once a page
    if not is_found:
        async for chunk in follower_chunks(wechat, app_id, key_of, ""):
            yield chunk


async def ask_about(wechat: WeChatClient, app_id: str, open_ids: Sequence[str]) -> Told:
    """Ask in large batches, and about those left out once more in small ones."""
    first = await _batches(wechat, app_id, open_ids, BATCH)
    left_out = [open_id for answer in first for open_id in answer.missing]
    answers = [*first, *await _batches(wechat, app_id, left_out, SMALL_BATCH)]
    infos = tuple(info for answer in answers for info in answer.found)
    told = {info.open_id for info in infos}
    refused = sum(len(answer.refused) for answer in answers)
    unknown = {open_id for answer in answers for open_id in answer.refused}
    unanswered = tuple(open_id for open_id in left_out if open_id not in told and open_id not in unknown)
    return Told(infos=infos, unanswered=unanswered, refused=refused)


async def _batches(wechat: WeChatClient, app_id: str, open_ids: Sequence[str], size: int) -> list[BatchAnswer]:
    answers = await asyncio.gather(*(wechat.user_infos(app_id, part) for part in _parts(open_ids, size)), return_exceptions=True)
    return [_answered(answer) for answer in answers]


def _answered(answer: BatchAnswer | BaseException) -> BatchAnswer:
    if isinstance(answer, BaseException):
        raise answer
    return answer


async def _pages(wechat: WeChatClient, app_id: str) -> AsyncIterator[tuple[tuple[str, ...], int | None, int]]:
    after: str | None = None
    while True:
        page = await wechat.followers(app_id, after)
        yield page.open_ids, page.total, page.damaged_count
        if page.is_last:
            return
        after = page.next_open_id


def _parts(items: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    for start in range(0, len(items), size):
        yield tuple(items[start : start + size])
