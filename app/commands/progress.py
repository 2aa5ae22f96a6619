"""A bar for long work whose stages are told one after the other; it is shown where somebody sees it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from graph.rebuilding import Show


@contextmanager
def staged_bar(first: str) -> Iterator[Show]:
    """What is told is shown: the present stage, and how much of it is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    console = Console(file=sys.stderr)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(first, total=1.0)
        yield lambda what, done: bar.update(task, description=what, completed=done)
