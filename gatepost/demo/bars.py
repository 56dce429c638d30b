"""Progress on the terminal: a bar for each step, gone when all is done."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

EVERY_SECONDS: Final = 0.1


@contextmanager
def shown(steps: Mapping[str, str]) -> Iterator[Callable[[str, int, int], None]]:
    """A function to call with a step, how much is done, and of how much; `steps` are their names for people."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield _Bars(bars, steps)


class _Bars:
    def __init__(self, bars: Progress, steps: Mapping[str, str]) -> None:
        self._bars, self._steps = bars, steps
        self._tasks: dict[str, TaskID] = {}
        self._shown_at = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        now = time.monotonic()
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(self._steps[step], total=total)
        elif done < total and now - self._shown_at < EVERY_SECONDS:
            return
        self._shown_at = now
        self._bars.update(self._tasks[step], completed=done, total=total)
