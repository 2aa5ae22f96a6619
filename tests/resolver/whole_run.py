"""Adds up what the processes of a run counted in their random histories, says it, and fails a run that saw too little. A pytest plugin."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from tests.resolver.tally import TALLIES, WORTHS, line, rare


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """A worker hands in its counts; the process that started the workers, or the only one, judges the sum."""
    ran = yield
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tallies"] = [{name: dict(tally) for name, tally in sums.items()} for sums in (TALLIES, WORTHS)]
    elif found := rare():
        where = ("tests/resolver/tally.py", None, "the histories were worth telling")
        report = pytest.TestReport(
            nodeid="::".join((where[0], where[2])),
            location=where,
            keywords={},
            outcome="failed",
            longrepr="Came up too seldom to have been tested:\n" + "\n".join(found),
            when="call",
        )
        session.config.hook.pytest_runtest_logreport(report=report)
    return ran


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401  # xdist's class, which a run of one process does without
    """A worker is done: add what it counted."""
    for sums, counted in zip((TALLIES, WORTHS), getattr(node, "workeroutput", {}).get("tallies", ()), strict=False):
        for name, tally in counted.items():
            sums[name].update(tally)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what happened how often, whether the tests passed or not."""
    if TALLIES:
        terminalreporter.write_sep("-", "random histories")
        for store in sorted(TALLIES):
            terminalreporter.write_line(line(store))
