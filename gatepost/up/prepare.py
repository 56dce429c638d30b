"""What must be done once before web and worker start: tables, the demonstration city. Runs in a process that ends.

The supervisor itself stays small; Django and everything that a city needs are only here.
"""

import json
import os
from collections.abc import Callable, Sequence

import click
import django
from django.core.management import call_command

from gatepost.up.database import pending_migrations, require_fitting_keys, require_usable


def prepare(*, demonstrate: Callable[[], Sequence[Sequence[str]]] | None, report_to: int | None) -> None:
    """Check the database, bring its tables up to date, and `demonstrate`, which builds a city where there is nothing.

    With `report_to`, write who can sign in to that file descriptor, as JSON. Raises `StartError`.
    """
    require_usable(os.environ["DATABASE_URL"])
    django.setup()
    _migrate()
    _make_partitions()
    require_fitting_keys()
    sign_ins = demonstrate() if demonstrate else []
    if report_to is not None:
        with os.fdopen(report_to, "w", encoding="utf-8") as report:
            json.dump([list(row) for row in sign_ins], report)


def _make_partitions() -> None:
    """The months in which the first taps will fall: the worker makes them too, but a tap may be sooner."""
    from gatepost.config.schedule import make_partitions
    from gatepost.kit.clock import utc_now

    make_partitions(utc_now())


def _migrate() -> None:
    count = pending_migrations()
    if not count:
        return
    click.echo(f"Making the tables ({count} steps) …")
    call_command("migrate", verbosity=0, interactive=False)
