"""How one identifier hangs together with another: the shortest chain of steps between two. Pure."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable

from graph.node import Key
from graph.state import EvidenceKind, Step

ORDER = {kind: place for place, kind in enumerate(EvidenceKind)}


class Chains:
    """Steps, to be gone in either direction."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._beside: dict[Key, list[tuple[Key, Step]]] = defaultdict(list)
        for step in steps:
            self._beside[step.a].append((step.b, step))
            self._beside[step.b].append((step.a, step))

    def between(self, start: Key, goal: Key) -> list[Step] | None:
        """The shortest chain, from start to goal; empty where they are one, None where there is none.

        Of chains of one length the choice is by keys; between two identifiers evidence is chosen before a decision.
        """
        came: dict[Key, tuple[Key, Step] | None] = {start: None}
        queue = deque([start])
        while queue and goal not in came:
            here = queue.popleft()
            for there, step in sorted(self._beside[here], key=_preference):
                if there not in came:
                    came[there] = (here, step)
                    queue.append(there)
        if goal not in came:
            return None
        steps: list[Step] = []
        back = came[goal]
        while back:
            steps.append(back[1])
            back = came[back[0]]
        return steps[::-1]


def _preference(way: tuple[Key, Step]) -> tuple[Key, int, Key]:
    there, step = way
    return (there, ORDER[step.kind], step.evidence)
