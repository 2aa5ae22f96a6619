"""Says at the end of a run what the random histories were made of."""

from __future__ import annotations

import pytest

from tests.resolver.tally import TALLIES, line


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what happened how often, whether the tests passed or not."""
    if TALLIES:
        terminalreporter.write_sep("-", "random histories")
        for store in TALLIES:
            terminalreporter.write_line(line(store))
