"""`gatepost demo` and `gatepost simulate`."""

import time

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from gatepost.demo import city
from gatepost.demo.blueprint import TooMany
from gatepost.kit.clock import utc_now


@click.command()
@click.option("--schools", type=click.IntRange(1), default=city.SCHOOLS, show_default=True, help="How many schools.")
@click.option("--students", type=click.IntRange(1), default=city.STUDENTS, show_default=True, help="… and students.")
@click.option("--days", type=click.IntRange(0, 40), default=10, show_default=True, help="School days behind them.")
@click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds build equal cities.")
@click.option("--if-empty", is_flag=True, help="Do nothing, and call it well, where there are schools already.")
def demo(schools: int, students: int, days: int, seed: int, if_empty: bool) -> None:
    """Build an invented city to try things on: schools, families, cards, readers, and two weeks behind them.

    Only in an empty database, and only where GATEPOST_DEMONSTRATION=true. The schools are real by name; everybody in
    them is invented, with ID numbers that were never given out and mail addresses that cannot exist.

    \b
    Examples:
        gatepost demo
        gatepost demo --schools 280 --students 300000 --days 2
    """
    if if_empty and city.stands():
        return
    began_at = time.monotonic()
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=console, transient=True) as bars:
        try:
            built = city.build(
                schools=schools, students=students, days=days, seed=seed, now=utc_now(), progress=_Shown(bars)
            )
        except (city.CityStands, TooMany) as error:
            raise click.ClickException(str(error)) from error
    click.echo(
        f"Built a city of {built.schools} schools: {built.students:,} students, {built.guardians:,} guardians, "
        f"{built.cards:,} cards, {built.readers} readers ({time.monotonic() - began_at:.1f} s)."
    )


class _Shown:
    """Progress as bars, one for each step."""

    WORDS = {"schools": "Schools", "families": "Families", "days": "The days behind them"}
    EVERY_SECONDS = 0.1

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._shown_at = 0.0

    def __call__(self, step: str, done: int, total: int) -> None:
        if step not in self._tasks:
            self._tasks[step] = self._bars.add_task(self.WORDS[step], total=total)
        elif done < total and time.monotonic() - self._shown_at < self.EVERY_SECONDS:
            return
        self._shown_at = time.monotonic()
        self._bars.update(self._tasks[step], completed=done)


@click.group()
def simulate() -> None:
    """Play a school morning through the readers' door."""
