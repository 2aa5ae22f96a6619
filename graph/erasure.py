"""What goes when somebody is erased, and what stays with others. Pure; how it is asked for is in erase.py."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from graph.evidence import Rollup, Said, ends
from graph.keys import Keys
from graph.node import Id, Key, Millis
from graph.sightings import no_longer_dated
from graph.state import PREFIX, Identifier, Label, Member, named_by
from graph.turn import Incomplete, Loaded
from graph.witness import followed


class Erasing:
    """The erasure of some identifiers: a customer's, or a single OpenID.

    They go with every roll-up by or about them, and with the UnionIDs and external ids that nobody else's evidence names. A UnionID goes
    in every scope of its text. An external id that others still claim stays theirs. Raises Incomplete where more must be seen first.
    Named are texts of UnionIDs, and external ids, that go likewise though no target may say them.
    """

    def __init__(self, loaded: Loaded, keys: Keys, targets: Iterable[Key], named: Iterable[Key] = ()) -> None:
        self.loaded, self.keys = loaded, keys
        self.targets, self.named = frozenset(targets), frozenset(named)
        self.rollups = [stored.rollup for stored in loaded.rollups.values()]
        self._candidates()
        self._look_wider()

    def _candidates(self) -> None:
        """Who may have to go: the targets, and what hangs at them by their own word. UnionIDs by their texts."""
        claimed = {rollup.b for rollup in self.rollups if rollup.said in {Said.CLAIMS, Said.UNLINKED}}
        self.externals = {key for key in self.targets if self._is(key, Label.EXTERNAL_ID)} | (self.named & claimed)
        self.texts = {member.text_key for key in self.targets if (member := self.loaded.members.get(key)) and member.text_key}
        self.texts |= self.named & self._spelled.keys()
        self.forced = frozenset(self.texts)
        before = -1
        while before != len(self.externals) + len(self.texts):
            before = len(self.externals) + len(self.texts)
            mine = self.targets | self.externals | self._scoped(self.texts).keys()
            for rollup in self.rollups:
                if rollup.a in mine and rollup.said is Said.RESOLVED_AS:
                    self.texts.add(rollup.b)
                elif rollup.a in mine and rollup.said in {Said.CLAIMS, Said.UNLINKED}:
                    self.externals.add(rollup.b)

    def _is(self, key: Key, label: Label) -> bool:
        member = self.loaded.members.get(key)
        return member is not None and member.label is label

    @cached_property
    def _union_ids(self) -> dict[Key, Key]:
        return self._scoped(self.texts)

    def _scoped(self, texts: Iterable[Key]) -> dict[Key, Key]:
        """The keys that these UnionIDs have under any platform, whether evidence names them now or not, with those of their texts."""
        platforms = self.loaded.registry.open_platforms.values()
        return {self.keys.union_id(one.open_app_id, self._spelled[text]): text for text in texts for one in platforms}

    @cached_property
    def _spelled(self) -> dict[Key, str]:
        """The UnionIDs in sight as WeChat writes them, by the keys of their texts."""
        said = {rollup.b: rollup.text for rollup in self.rollups if rollup.said is Said.RESOLVED_AS}
        return said | {one.text_key: one.value for one in self.loaded.members.values() if one.text_key and one.value}

    def _look_wider(self) -> None:
        """Everything said of the candidates must be in sight, and whole whoever else said it."""
        loaded = self.loaded
        named = self.targets | self.externals | self.texts | self._union_ids.keys()
        generic = {key for key in named if key in loaded.members and loaded.members[key].crowded and key not in loaded.whole}
        opened = {key for key in generic if not self._is_others(key)}
        if not named <= loaded.asked or opened:
            raise Incomplete(people=named, names=named, expand=opened)
        border = {key: one for key, one in loaded.members.items() if key not in loaded.whole and key not in self.erased}
        undated = set[Key]().union(*(no_longer_dated(loaded.rollups[rollup.key], {}, border) for rollup in self.forgotten))
        if undated:
            raise Incomplete(expand=undated)
        unseen = {rollup.a for rollup in self.forgotten if rollup.a in loaded.members}
        # Who shares a customer with them is another's then: a generic identifier that a decision joined to them, for example.
        parted = {loaded.members[key].customer for key in self.erased & loaded.members.keys()}
        unseen |= {key for key, one in loaded.members.items() if one.customer in parted}
        if unseen := unseen - loaded.whole - loaded.asked:
            raise Incomplete(people=unseen)

    def _is_others(self, key: Key) -> bool:
        """Whether a generic identifier need not be opened: others stand at it, and it goes with nobody who is erased."""
        member, crowd = self.loaded.members[key], self.loaded.crowds.get(key)
        is_forced = member.label is Label.OPEN_ID or member.text_key in self.forced
        return crowd is not None and bool(crowd.accounts or crowd.neighbours) and not is_forced

    @cached_property
    def erased(self) -> frozenset[Key]:
        """The identifiers that go, those that no evidence names now among them; UnionIDs by the keys that they may have in each scope."""
        found = set(self.targets | self.externals | self._union_ids.keys())
        while kept := {key for key in found if self._is_kept(key, found)}:
            found -= kept
        return frozenset(found)

    @cached_property
    def erased_texts(self) -> frozenset[Key]:
        """The keys of the UnionIDs' texts that go."""
        kept = {member.text_key for key, member in self.loaded.members.items() if member.text_key and key not in self.erased}
        unseen = {text for text in self.texts - self.forced if self._is_said_by_others(text, self.erased)}
        return frozenset(self.texts - kept - unseen)

    def _is_kept(self, key: Key, going: set[Key]) -> bool:
        member, crowd = self.loaded.members.get(key), self.loaded.crowds.get(key)
        text = self._union_ids.get(key)
        if self._is(key, Label.OPEN_ID) or text in self.forced:
            return False
        if crowd is not None and (crowd.accounts or crowd.neighbours):
            return True
        if text is not None:
            return self._is_said_by_others(text, going)
        return any(
            stored.rollup.said is Said.CLAIMS
            and stored.rollup.b == key
            and stored.rollup.a not in going
            and (stored.ends or member is None)
            for stored in self.loaded.rollups.values()
        )

    def _is_said_by_others(self, text: Key, going: Iterable[Key]) -> bool:
        mine = set(going)
        return any(rollup.said is Said.RESOLVED_AS and rollup.b == text and rollup.a not in mine for rollup in self.rollups)

    @cached_property
    def gone(self) -> frozenset[Key]:
        """The keys of all that goes and stays erased, UnionIDs' texts among them."""
        return self.erased | self.erased_texts

    @cached_property
    def kept(self) -> frozenset[Key]:
        """What could have gone with them, and is others', too."""
        return (self.targets | self.externals | self.texts | self._union_ids.keys()) - self.gone

    @cached_property
    def forgotten(self) -> list[Rollup]:
        """Every roll-up by or about them."""
        return [rollup for rollup in self.rollups if rollup.a in self.gone or rollup.b in self.gone]

    @cached_property
    def left_over(self) -> list[Rollup]:
        """What is left of roll-ups that go: that an OpenID of somebody else was seen."""
        return [made for rollup in self.forgotten for made in self._left_over(rollup)]

    def _left_over(self, rollup: Rollup) -> Iterator[Rollup]:
        if rollup.said not in {Said.RESOLVED_AS, Said.MIGRATED_TO}:
            return
        times = rollup.times if rollup.said is Said.RESOLVED_AS else 0
        for key in (rollup.a, rollup.b):
            if key not in self.erased and self._is(key, Label.OPEN_ID):
                seen = self.keys.evidence(Said.SEEN.value, key, key, rollup.source.value)
                yield replace(rollup, key=seen, said=Said.SEEN, a=key, b=key, times=times, text="")

    @cached_property
    def remaining(self) -> Loaded:
        """What is seen without them, for the rule to go on from."""
        gone, keys, loaded = {rollup.key for rollup in self.forgotten}, self.gone, self.loaded
        return replace(
            loaded,
            rollups={key: one for key, one in loaded.rollups.items() if key not in gone},
            decisions={key: one for key, one in loaded.decisions.items() if keys.isdisjoint(one.pair)},
            conflicts={key: one for key, one in loaded.conflicts.items() if keys.isdisjoint(one.about)},
        )

    def led_on(self, retired: Iterable[Key], known: Collection[Key]) -> list[Member]:
        """Identifiers that are no more, or are `retired` with this, and led to the erased: from now on to others who came with them.

        Not those that come to be `known` again with this: a turn applies bindings that no job has come to yet.
        """
        led = {key: self.loaded.members[key].witness for key in retired} | dict(self.loaded.followed)
        astray = [key for key, witness in led.items() if witness in self.gone and key not in self.gone and key not in known]
        found = {key: self._others_who_came_with(self._union_ids.get(key, key), {key}) for key in astray}
        return [followed(key, min(others)[1]) for key, others in sorted(found.items()) if others]

    def _others_who_came_with(self, key: Key, passed: set[Key]) -> set[tuple[Millis, Key]]:
        """OpenIDs that stay and came with an external id or a UnionID's text, or with what claimed it; each with its first sight."""
        found = set[tuple[Millis, Key]]()
        for one in {
            rollup.a for rollup in self.rollups if rollup.b == key and rollup.said in {Said.RESOLVED_AS, Said.CLAIMS}
        } - self.erased:
            if self._is(one, Label.OPEN_ID):
                found.add((self.loaded.members[one].first, one))
            elif one not in passed:
                found |= self._others_who_came_with(one, passed | {one})
        return found

    @cached_property
    def identifiers(self) -> list[Identifier]:
        """What goes, as it was known."""
        named = {one.key: one for rollup in self.forgotten for one in self._named_by(rollup)}
        known: dict[Key, Identifier] = named | dict(self.loaded.members)
        return [known[key] for key in sorted(self.erased) if key in known]

    def _named_by(self, rollup: Rollup) -> Iterator[Identifier]:
        """What a roll-up names beside OpenIDs, whether it counts or was taken back; a UnionID in every scope that it was seen in."""
        if rollup.said is Said.CLAIMS:
            yield from named_by(rollup)
        elif rollup.said is Said.RESOLVED_AS and (said_by := self.loaded.members.get(rollup.a)):
            registry = self.loaded.registry
            for end in ends(rollup, registry.history(Key(said_by.scope))):
                key = self.keys.union_id(registry.open_platforms[end.platform_key].open_app_id, rollup.text)
                yield Identifier(key=key, label=Label.UNION_ID, scope=end.platform_key, value=rollup.text, text_key=rollup.b)

    @cached_property
    def ids(self) -> list[Id]:
        """Their ids."""
        return [Id(f"{PREFIX[one.label]}_{one.key}") for one in self.identifiers]

    @cached_property
    def values(self) -> frozenset[str]:
        """All that stood in clear of them."""
        return frozenset({self._spelled[text] for text in self.erased_texts} | {one.value for one in self.identifiers if one.value})

    def until(self, now: Millis) -> Millis:
        """Up to when nothing counts any more: now, or the latest time that evidence bore."""
        return max([now, *(rollup.last for rollup in self.forgotten)])
