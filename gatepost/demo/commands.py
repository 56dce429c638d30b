"""`gatepost demo`; and `gatepost simulate`, which is in `simulate`."""

import time

import click

from gatepost.demo import city, rehearsal
from gatepost.demo.bars import shown
from gatepost.demo.blueprint import TooMany
from gatepost.demo.simulate import simulate
from gatepost.kit.clock import utc_now

__all__ = ["demo", "simulate"]

STEPS = {"schools": "Schools", "families": "Families", "days": "The days behind them"}


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
    now, began_at = utc_now(), time.monotonic()
    if if_empty and city.stands():
        rehearsal.set_back_earlier_days(now=now)  # yesterday's cut-off is no use today
        return
    try:
        with shown(STEPS) as progress:
            built = city.build(schools=schools, students=students, days=days, seed=seed, now=now, progress=progress)
    except (city.CityStands, TooMany, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"Built a city of {built.schools} schools: {built.students:,} students, {built.guardians:,} guardians, "
        f"{built.cards:,} cards, {built.readers} readers ({time.monotonic() - began_at:.1f} s)."
    )
