"""PostgreSQL's own memory follows the machine's, within bounds."""

from pathlib import Path

import pytest

from gatepost.up import memory

GIB = 1 << 30


@pytest.mark.parametrize(
    ("machine", "buffers"),
    [(GIB // 2, 128 << 20), (2 * GIB, 256 << 20), (8 * GIB, GIB), (512 * GIB, GIB)],
    ids=["very small", "small", "a city's", "large"],
)
def test_an_eighth_of_the_machine_holds_tables(machine: int, buffers: int) -> None:
    assert memory.shared_buffers(machine) == buffers


@pytest.mark.parametrize(("allowed", "is_bound"), [("268435456\n", True), ("max\n", False), (None, False)])
def test_a_container_has_what_it_may_use(
    allowed: str | None, is_bound: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = tmp_path / "memory.max"
    if allowed is not None:
        group.write_text(allowed)
    monkeypatch.setattr(memory, "GROUP", group)
    assert (memory.memory_of_machine() == 268_435_456) is is_bound
