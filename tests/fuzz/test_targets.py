"""What reads bytes or a text from outside has an answer to all of them."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.faults.length import Length
from tests.fuzz.conftest import Fuzz, seed
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

# How many inputs each gets: short (0: none, as starting takes seconds), long.
RUNS = {
    "batch": (3_000, 2_500_000),
    "words": (0, 200_000),
    "card": (0, 400_000),
    "table": (0, 60_000),
    "report": (0, 50_000),
    "sheet": (0, 4_000),
    "archive": (0, 40_000),
}
SECONDS_EACH_MOST = 10
SECONDS_MOST = 1_500  # a bound for what hangs: on a busy machine the millions take more than ten minutes
MEMORY_MB_MOST = 512


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_what_is_near_them_have_an_answer(name: str, fuzz: Fuzz) -> None:
    for data in SEEDS[name]:
        TARGETS[name](data)
    slow = name in {"sheet", "archive"}
    fuzz(30 if slow else 200, 300 if slow else 5_000, data=near(SEEDS[name]))(TARGETS[name])


@pytest.mark.skipif(not importlib.util.find_spec("atheris"), reason="atheris has no wheel for this Python or machine")
@pytest.mark.parametrize("name", TARGETS)
def test_nothing_that_coverage_leads_to_breaks_a_promise(
    name: str, length: Length, tried: dict[str, int], tmp_path: Path
) -> None:
    if not length.of(*RUNS[name]):
        pytest.skip("in the long form only")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, data in enumerate(SEEDS[name]):
        (corpus / f"{number:03}").write_bytes(data)
    told = looked_for(name, corpus, runs=length.of(*RUNS[name]))
    tried["inputs"] = _figure("number_of_executed_units", told)
    tried["peak MB"] = _figure("peak_rss_mb", told)
    assert tried["inputs"] >= length.of(*RUNS[name])


def looked_for(name: str, corpus: Path, *, runs: int) -> str:
    """What atheris said, in a process of its own; fails with the input that broke a promise."""
    bounds = (f"-rss_limit_mb={MEMORY_MB_MOST}", f"-timeout={SECONDS_EACH_MOST}", "-max_len=4096", "-len_control=0")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.fuzz.guided",
            name,
            str(corpus),
            f"-runs={runs}",
            f"-seed={seed()}",
            *bounds,
            f"-max_total_time={SECONDS_MOST}",
            "-print_final_stats=1",
            f"-artifact_prefix={corpus.parent}/",
        ],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "gatepost.config.settings"},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS_MOST + 60,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3_000:]}{done.stderr[-3_000:]}{_found(corpus.parent)}"
    return done.stderr


def near(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """A seed with pieces cut out, repeated, put in or overwritten; or any bytes."""

    def changed(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        for at, cut, put in changes:
            place = at % (len(data) + 1)
            data = data[:place] + put + data[place + cut :]
        return data

    piece: st.SearchStrategy[Any] = st.binary(max_size=6) | st.sampled_from(seeds)
    changes = st.lists(st.tuples(st.integers(0, 9_999), st.integers(0, 8), piece), max_size=4)
    return st.builds(changed, st.sampled_from(seeds), changes) | st.binary(max_size=200)


def _figure(name: str, told: str) -> int:
    found = re.search(rf"stat::{name}:\s+(\d+)", told)
    assert found, told[-2_000:]
    return int(found[1])


def _found(folder: Path) -> str:
    return "".join(f"\n{file.name}: {file.read_bytes()[:2_000]!r}" for file in sorted(folder.glob("*-*")))
