"""`make bench`, or `make bench ONLY=taps`: measure, print, and write `var/bench/latest.json`."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from bench import intake, mails
from bench.figures import Figure
from bench.stage import FOLDER, Stage, stage

ROWS: dict[str, Callable[[Stage], list[Figure]]] = {"taps": intake.figures, "mails": mails.figures}


def main() -> None:
    """Measure the rows asked for, one after the other; exit code 1 if a must is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--only", default="", help=f"some of {', '.join(ROWS)}, between commas")
    names = [name for name in parser.parse_args().only.split(",") if name] or list(ROWS)
    if unknown := set(names) - set(ROWS):
        sys.exit(f"There is no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}.")
    console = Console()
    console.print(machine())
    figures: list[Figure] = []
    with stage() as ready:
        for name in names:
            console.print(f"measuring {name} …")
            figures += ROWS[name](ready)
    console.print(table(figures))
    file = FOLDER / "latest.json"
    file.write_text(json.dumps([figure.as_json() for figure in figures], indent=1, ensure_ascii=False))
    console.print(f"{file}")
    sys.exit(0 if all(figure.meets(figure.must) for figure in figures) else 1)


def machine() -> str:
    """What it runs on: a figure means something beside its reference only."""
    load = os.getloadavg()[0]
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}, {platform.machine()}"


def table(figures: list[Figure]) -> Table:
    """The figures as people read them."""
    shown = Table("figure", "value", "reference", "ratio", "must", "aim", "")
    for one in figures:
        shown.add_row(
            one.name,
            f"{one.value:,.0f} {one.unit}",
            f"{one.reference_value:,.0f} {one.reference}" if one.reference_value is not None else "–",
            f"{one.ratio:.2f}" if one.ratio is not None else "–",
            f"{one.must:g}" if one.must is not None else "–",
            f"{one.aim:g}" if one.aim is not None else "–",
            "aim" if one.meets(one.aim) else "must" if one.meets(one.must) else "MISSED",
        )
    return shown


if __name__ == "__main__":
    main()
