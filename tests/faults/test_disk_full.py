"""The disk under PostgreSQL is full: nothing is acknowledged that was not kept; with room again all goes on."""

import os
import random
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.conftest import Grounds
from tests.faults.length import Length
from tests.faults.play import playing
from tests.faults.sink import Sink
from tests.faults.tally import Counts

DISK_MEGABYTES = 320
LEFT_BYTES = 64 * 1024


@pytest.fixture
def disk() -> Iterator[Path]:
    """A file system of a few hundred megabytes, where PostgreSQL's account may go."""
    place = Path(tempfile.mkdtemp(prefix="gatepost-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=755", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        place.rmdir()
        pytest.skip("a small file system cannot be mounted here (that needs root)")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
    place.rmdir()


def test_on_a_full_disk_nothing_is_acknowledged_and_with_room_again_all_goes_on(
    disk: Path, grounds: Grounds, sink: Sink, length: Length, chance: random.Random, counts: Counts
) -> None:
    with (
        grounds(data_on=disk) as ground,
        playing(ground, sink, chance, counts, seconds=length.of(4, 40), children=length.of(40, 120)) as play,
    ):
        for _ in range(length.of(1, 2)):
            with full(disk):
                play.all_hear(503)
            if not ground.postgres.is_running():  # no room for its log: it ends, and whoever watches it starts it again
                counts.note(postgres_gave_up=1)
                ground.start_postgres()
            counts.note(rounds=1)
            play.all_hear(200)
    assert counts["sent twice"] == 0


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """Nothing more fits, as when somebody copied a film."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        block = bytes(LEFT_BYTES)
        try:
            while True:
                stream.write(block)
        except OSError:
            pass
    yield
    ballast.unlink()
