"""What the failures cost, counted: each test reports, and `make faults` prints one table and keeps it as JSON."""

import json
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from textwrap import wrap
from typing import Any

from gatepost import __file__ as package

PROPERTY = "faults"
FOLDER = Path(package).parent.parent / "var" / "faults"
# The columns of the table, in order; what a test counts besides stands behind them in words.
COLUMNS = ("rounds", "kills", "acknowledged", "lost", "doubled", "notices", "mails", "sent twice")


class Counts(Counter[str]):
    """What one test counted. `lost` and `doubled` are shown even when they are zero: that is the promise."""

    def note(self, **numbers: int) -> None:
        """Add to the counts, by name; an underscore is a blank."""
        for name, number in numbers.items():
            self[name.replace("_", " ")] += number

    def at_most(self, **numbers: int) -> None:
        """Keep the largest number of each name."""
        for name, number in numbers.items():
            shown = f"{name.replace('_', ' ')}, at most"
            self[shown] = max(self[shown], number)


def table(told: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The lines of the table: a test each with what it counted below, and the sum."""
    head = "".join(f"{column:>14}" for column in COLUMNS)
    lines = [head]
    for name, counts in {**told, "together": total(told.values())}.items():
        lines.append(name.removeprefix("test_").removesuffix("[ground0]").replace("_", " "))
        lines.append("".join(f"{counts.get(column, ''):>14,}" if column in counts else " " * 14 for column in COLUMNS))
        more = ", ".join(f"{what}: {number:,}" for what, number in counts.items() if what not in COLUMNS)
        lines += wrap(more, 120, initial_indent=" " * 14, subsequent_indent=" " * 14)
    return lines


def total(told: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """All tests together."""
    together: Counter[str] = Counter()
    for counts in told:
        together.update({what: number for what, number in counts.items() if what in COLUMNS})
    return dict(together)


def keep(
    told: Mapping[str, Mapping[str, int]], *, name: str, outcomes: Mapping[str, int], seconds: float, seed: int
) -> Path:
    """Write the run to `var/faults/<name>.json`; returns where."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "seed": seed,
        "seconds": round(seconds, 1),
        "outcomes": dict(outcomes),
        "tests": {name: dict(counts) for name, counts in told.items()},
        "together": total(told.values()),
    }
    file = FOLDER / f"{name}.json"
    file.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file
