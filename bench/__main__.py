"""`make bench`, or `make bench ONLY=taps`: measure, print, and write `var/bench/latest.json`."""

import argparse
import json
import multiprocessing
import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import exchange, follow, growth, home, intake, latency, mails, memory, morning, review, roster, signin, sweep
from bench.figures import Figure
from bench.stage import FOLDER, Stage, stage

ROWS: dict[str, Callable[[Stage], list[Figure]]] = {
    "taps": intake.figures,
    "follow": follow.figures,
    "morning": morning.figures,
    "latency": latency.figures,
    "mails": mails.figures,
    "sweep": sweep.figures,
    "import": roster.figures,
    "home": home.figures,
    "review": review.figures,
    "signin": signin.figures,
    "exchange": exchange.figures,
    "memory": memory.figures,
}
ASKED_FOR: dict[str, Callable[[Stage], list[Figure]]] = {"growth": growth.figures}  # too long for every run


def main() -> None:
    """Measure the rows asked for, one after the other; exit code 1 if a must is missed or a row failed."""
    rows = {**ROWS, **ASKED_FOR}
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--only", default="", help=f"some of {', '.join(rows)}, between commas")
    names = [name for name in parser.parse_args().only.split(",") if name] or list(ROWS)
    if unknown := set(names) - set(rows):
        sys.exit(f"There is no row {', '.join(sorted(unknown))}; there are {', '.join(rows)}.")
    console = Console()
    about = machine()
    console.print(", ".join(f"{what} {which}" for what, which in about.items()))
    figures: list[Figure] = []
    failed = []
    with stage() as ready:
        for name in names:
            console.print(f"measuring {name} … (load {os.getloadavg()[0]:.1f})")
            try:
                figures += apart(rows[name], ready)
            except RowFailed as trouble:
                failed.append(name)
                console.print(f"[bold]{name} failed:[/bold] {trouble}", markup=True)
    console.print(table(figures))
    console.print(write(FOLDER / "latest.json", figures, about))
    sys.exit(1 if failed or not all(figure.meets(figure.must) for figure in figures) else 0)


class RowFailed(Exception):
    """A row could not be measured."""


def apart(measure: Callable[[Stage], list[Figure]], ready: Stage) -> list[Figure]:
    """Measure in a process of its own: Django is set up once in a process, and each row has its own database."""
    ready.settle()
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)

    def run() -> None:
        try:
            there.send(measure(ready))
        except BaseException as error:
            there.send(f"{type(error).__name__}: {error}")
            raise

    process = fork.Process(target=run)
    process.start()
    there.close()
    try:
        answer = here.recv()
    except EOFError:
        answer = "its process ended"
    process.join()
    if isinstance(answer, str):
        raise RowFailed(answer)
    figures: list[Figure] = answer
    return figures


def machine() -> dict[str, str]:
    """What it runs on: a figure means something beside its reference only."""
    cpus = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return {
        "CPU": next((line.split(":", 1)[1].strip() for line in cpus if line.startswith("model name")), "unknown"),
        "cores": str(os.cpu_count()),
        "machine": platform.machine(),
        "Python": platform.python_version(),
        "Django": version("django"),
        "granian": version("granian"),
        "psycopg": version("psycopg"),
        "PostgreSQL": _postgres(),
    }


def _postgres() -> str:
    import subprocess

    from bench.stage import pgbench

    return subprocess.run([pgbench(), "--version"], capture_output=True, text=True, check=True).stdout.split()[2]


def write(file: Path, figures: list[Figure], about: dict[str, str]) -> str:
    """The figures as JSON: a list of rows, each with the machine it was measured on. Returns where."""
    rows: list[dict[str, Any]] = [{**figure.as_json(), "machine": about} for figure in figures]
    file.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    return str(file)


def table(figures: list[Figure]) -> Table:
    """The figures as people read them."""
    shown = Table("figure", "value", "reference", "ratio", "must", "aim", "")
    for one in figures:
        shown.add_row(
            one.name,
            f"{_number(one.value)} {one.unit}",
            f"{_number(one.reference_value)} {one.reference}" if one.reference_value is not None else "–",
            f"{one.ratio:.2f}" if one.ratio is not None else "–",
            f"{one.must:g}" if one.must is not None else "–",
            f"{one.aim:g}" if one.aim is not None else "–",
            "MISSED" if not one.meets(one.must) else "aim" if one.aim is not None and one.meets(one.aim) else "must",
        )
    return shown


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"


if __name__ == "__main__":
    main()
