"""`docs/settings.md` names what the program reads, and nothing else."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent.parent
INNER = {"GATEPOST_TEST_SERVER", "GATEPOST_TEST_RUN"}


def test_every_variable_is_described_and_every_description_is_of_a_variable() -> None:
    program = [path for path in (ROOT / "gatepost").rglob("*.py") if "tests" not in path.parts]
    read = {name for path in program for name in re.findall(r'"(GATEPOST_[A-Z_]+|DATABASE_URL)"', path.read_text())}
    page = (ROOT / "docs/settings.md").read_text()
    described = set(re.findall(r"^\| `([A-Z_]+)`", page, flags=re.MULTILINE))
    assert read - INNER == described
