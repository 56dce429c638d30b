"""How long a run of the failures is: short for every commit, long to be sure."""

import os
import random
from dataclasses import dataclass

PATIENCE_SECONDS = 90.0  # how long anything may take that is only waited for, on a busy machine


@dataclass(frozen=True)
class Length:
    """Short in `make test`, long in `make faults`; `make city-morning` plays the one that has a thousand families."""

    is_long: bool
    is_city: bool = False

    def of(self, short: int, long: int) -> int:
        """Rounds, readers, seconds: the number for this length."""
        return long if self.is_long else short


def length() -> Length:
    """What the environment asks for: `FAULTS=long` or `FAULTS=city`, else short."""
    asked = os.environ.get("FAULTS", "short")
    return Length(is_long=asked in ("long", "city"), is_city=asked == "city")


def seed() -> int:
    """The seed of this run's chances: `FAULTS_SEED`, or a fresh one."""
    given = os.environ.get("FAULTS_SEED", "").strip()
    return int(given) if given else random.SystemRandom().randrange(1_000_000)
