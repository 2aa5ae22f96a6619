"""By whom an identifier is followed once nothing names it any more: an OpenID that it came with, for an OpenID never ends. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from graph.node import Key, Millis
from graph.resolve import Link
from graph.state import Identifier, Label, Member


def witnesses(
    links: Iterable[Link],
    identifiers: Mapping[Key, Identifier],
    customer: Mapping[Key, Key],
    *,
    first: Mapping[Key, Millis],
    before: Mapping[Key, Member],
    partial: Iterable[Key],
    erased: Collection[Key],
) -> dict[Key, Key]:
    """Of each UnionID and external id the OpenID that said it: of its own customer if any did, then the one it had, the one first seen.

    Where none says it now, the one that did before; where none ever did, that of what claimed it. `partial` ones, of which not all that
    was said is here, keep theirs. The `erased` are nobody's.
    """
    by_rank: dict[Key, tuple[bool, bool, Millis, Key]] = {}
    had = {key: member.witness for key, member in before.items() if member.witness and member.witness not in erased}
    claims = []
    for link in links:
        if identifiers[link.b].label is Label.OPEN_ID:
            continue
        if identifiers[link.a].label is not Label.OPEN_ID:
            claims.append(link)
            continue
        rank = (customer.get(link.a) != customer.get(link.b), link.a != had.get(link.b), first[link.a], link.a)
        by_rank[link.b] = min(rank, by_rank.get(link.b, rank))
    found = {key: rank[-1] for key, rank in by_rank.items()}
    kept = set(partial)
    found |= {key: witness for key, witness in had.items() if key in kept or key not in found}
    return _through(sorted(claims, key=lambda link: link.order), found)


def _through(claims: list[Link], found: dict[Key, Key]) -> dict[Key, Key]:
    """What has no witness has that of what claimed it, which may have it from another."""
    while left := [link for link in claims if link.b not in found]:
        heard = [link for link in left if link.a in found]
        if not heard:
            break
        for link in heard:
            found.setdefault(link.b, found[link.a])
    return found


def followed(key: Key, witness: Key) -> Member:
    """An identifier that no evidence names, to be written and retired in one turn: so a store notes who is followed in its place."""
    return Member(
        key=key,
        label=Label.EXTERNAL_ID,
        scope="",
        value=None,
        account=None,
        customer=witness,
        first=0,
        last=0,
        times=0,
        witness=witness,
    )
