"""Cards for the students of the demonstration city: one each, and a few that were lost, replaced or frozen."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final
from uuid import UUID

from gatepost.cards.models import Card
from gatepost.demo.copying import Stack
from gatepost.demo.names import pick

# First bytes that mean a plain chip of four bytes: none of them marks a cascade or a random number (ISO/IEC 14443-3).
_FIRST_BYTES: Final = ("1A", "2B", "3C", "4D", "5E", "6F", "7A", "9C", "AD", "BE", "CF", "DA", "E3")
_ODD: Final = 0x9E3779  # times an odd number, modulo a power of two: every number once, and none near its neighbour
_TAILS: Final = 1 << 24


class Issue:
    """Hands out cards; no number twice."""

    def __init__(self, rng: random.Random, since: datetime, now: datetime) -> None:
        self._rng, self._since, self._now = rng, since, now
        self._numbers: Iterator[int] = count(rng.randrange(_TAILS))

    def hand_out(self, stack: Stack, student: UUID, *, long_cards: bool, healthy: bool) -> None:
        """Hold the cards of a student, the one in use last. In a hundred, three have had another one before.

        `healthy` is a card with no story. One student in two hundred has none that counts.
        """
        chance = 1.0 if healthy else self._rng.random()
        issued_at = self._since
        if 0.005 <= chance < 0.035:
            issued_at = self._some_time_ago()
            end = {"ended_at": issued_at, "ended_as": "lost" if chance < 0.025 else "replaced"}
            stack.add(Card, uid=self._uid(long_cards), student_id=student, issued_at=self._since, **end)
        spoilt = self._spoilt() if chance < 0.005 else {}
        stack.add(Card, uid=self._uid(long_cards), student_id=student, issued_at=issued_at, **spoilt)

    def _spoilt(self) -> dict[str, Any]:
        at = self._some_time_ago()
        return {"frozen_at": at} if self._rng.random() < 0.5 else {"ended_at": at, "ended_as": "lost"}

    def _some_time_ago(self) -> datetime:
        """At a moment since the families came, and some time before the school days that are remembered."""
        span = max(self._now - timedelta(days=21) - self._since, timedelta(minutes=1))
        return self._since + span * self._rng.random()

    def _uid(self, long_cards: bool) -> str:
        tail = f"{next(self._numbers) * _ODD % _TAILS:06X}"
        if long_cards and self._rng.random() < 0.6:
            return f"04{tail}{self._rng.randrange(1, _TAILS):06X}"
        return pick(self._rng, _FIRST_BYTES) + tail
