"""A believable school morning as a list of things to send: what every reader of one school does, and when.

Pure: no clock, no network, no database. The same arguments give the same morning. Durations follow the time between
`opens` and `bell` (an hour in real life), so a morning can be planned for one minute as well: everything shrinks alike.

What happens: most students come in a rush that swells until some minutes before the bell, after a long early tail. Some
tap twice within seconds, some have forgotten their card, some are late, a few are on leave, a couple are absent and
nobody knows why. A few cards are nobody's. One reader loses its network in the rush, keeps its taps, and hands them in
by batches when it is back, or stays offline. The shares are guesses of what schools describe, not measurements.
"""

import random
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID


class Fate(StrEnum):
    """What became of a student this morning."""

    ON_TIME = "on_time"
    LATE = "late"
    FORGOT_CARD = "forgot_card"  # at school, and no tap says so
    ON_LEAVE = "on_leave"
    ABSENT = "absent"


class TapKind(StrEnum):
    FIRST = "first"
    DOUBLE = "double"  # the same card again within seconds
    UNKNOWN = "unknown"  # a card that is nobody's


class Outage(StrEnum):
    NONE = "none"
    CATCHES_UP = "catches_up"
    STAYS_OFFLINE = "stays_offline"


class CardHolder(NamedTuple):
    """A student, by any key the caller likes, and the number of their card."""

    student: str
    card: str


class ReaderSpot(NamedTuple):
    """A reader, by any key the caller likes. Most do not know a direction; `share` is how many come by it."""

    reader: str
    direction: str | None = None
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of what. The first four are shares of the students or of their taps; at least one each if not 0."""

    double: float = 0.03
    forgot_card: float = 0.02
    late: float = 0.015
    on_leave: float = 0.01
    absent: int = 2
    unknown_cards: int = 3


class PlannedTap(NamedTuple):
    nonce: UUID
    card: str
    read_at: datetime
    direction: str | None
    student: str | None  # None for a card that is nobody's
    kind: TapKind


class PlannedSend(NamedTuple):
    """One request of one reader: its taps (none: a heartbeat) and how many it still holds after it."""

    at: datetime
    reader: str
    taps: tuple[PlannedTap, ...]
    queue: int


class Silence(NamedTuple):
    """The reader that was offline, since when, and until when (None: it stayed so)."""

    reader: str
    starts: datetime
    ends: datetime | None


@dataclass(frozen=True, slots=True)
class Morning:
    """The plan: requests in the order of their time, what became of each student, and what was never sent."""

    sends: list[PlannedSend]
    fates: dict[str, Fate]
    silence: Silence | None
    unsent: list[PlannedTap] = field(default_factory=list)  # still in the reader that stayed offline

    def taps(self) -> Iterator[PlannedTap]:
        """Every tap that is handed in, in that order."""
        return (tap for send in self.sends for tap in send.taps)

    def students_seen(self) -> set[str]:
        """The students of whom at least one tap is handed in."""
        return {tap.student for tap in self.taps() if tap.student is not None}


_USUAL_SPAN: Final = timedelta(hours=1)
_BATCH: Final = 50
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = timedelta(seconds=1)
_SOON: Final = timedelta(milliseconds=1)


def plan_morning(
    holders: Sequence[CardHolder],
    *,
    seed: int | str,
    opens: datetime,
    bell: datetime,
    cutoff: datetime,
    readers: Sequence[ReaderSpot],
    shares: Shares | None = None,
    outage: Outage = Outage.CATCHES_UP,
) -> Morning:
    """The morning of one school from `opens` until a little after `cutoff`.

    The gate opens at `opens`; who taps after `bell` is late; `cutoff` is when the school asks for the missing. All
    three are aware. Heartbeats go on until five (planned) minutes after the cut-off. Another day gives other nonces.
    Raises `ValueError` without readers, or when the three times are not in order.
    """
    if not readers or not opens < bell <= cutoff:
        raise ValueError("a morning needs a reader, and opens < bell <= cutoff")
    rng = random.Random(f"morning {seed} {opens.isoformat()}")  # noqa: S311 — repeatable, not secret
    pace = _Pace(opens, bell, (bell - opens) / _USUAL_SPAN)
    shares = shares or Shares()
    fates = _fates(rng, [holder.student for holder in holders], shares)
    silence = _silence(rng, pace, readers, outage)
    by_reader: dict[str, list[PlannedTap]] = defaultdict(list)
    for reader, tap in _all_taps(rng, pace, holders, readers, shares, fates):
        by_reader[reader.reader].append(tap)
    last = max([cutoff + 5 * pace.minute, *(tap.read_at for taps in by_reader.values() for tap in taps)])
    sends: list[PlannedSend] = []
    unsent: list[PlannedTap] = []
    for reader in readers:
        taps = sorted(by_reader[reader.reader], key=lambda tap: tap.read_at)
        line = _Line(rng, pace, reader.reader, silence if silence and silence.reader == reader.reader else None)
        sends += line.sends(taps, until=last)
        unsent += line.unsent
    return Morning(sorted(sends, key=lambda send: send.at), fates, silence, unsent)


class _Pace(NamedTuple):
    """Where the morning lies, and how fast it goes: a scale of 1 is real life."""

    opens: datetime
    bell: datetime
    scale: float

    @property
    def minute(self) -> timedelta:
        return _MINUTE * self.scale

    @property
    def second(self) -> timedelta:
        return _SECOND * self.scale


def _fates(rng: random.Random, students: Sequence[str], shares: Shares) -> dict[str, Fate]:
    """A fate for everybody: round numbers of each kind, drawn at random."""
    order = list(students)
    rng.shuffle(order)
    drawn = iter(order)
    fates = dict.fromkeys(students, Fate.ON_TIME)
    for fate, many in (
        (Fate.ABSENT, shares.absent),
        (Fate.ON_LEAVE, _many(shares.on_leave, students)),
        (Fate.FORGOT_CARD, _many(shares.forgot_card, students)),
        (Fate.LATE, _many(shares.late, students)),
    ):
        fates.update(dict.fromkeys(islice(drawn, many), fate))
    return fates


def _many(share: float, of: Sequence[object]) -> int:
    return max(1, round(share * len(of))) if share else 0


def _all_taps(
    rng: random.Random,
    pace: _Pace,
    holders: Sequence[CardHolder],
    readers: Sequence[ReaderSpot],
    shares: Shares,
    fates: dict[str, Fate],
) -> Iterator[tuple[ReaderSpot, PlannedTap]]:
    weights = [reader.share for reader in readers]
    coming = [holder for holder in holders if fates[holder.student] in (Fate.ON_TIME, Fate.LATE)]
    twice = set(rng.sample(range(len(coming)), min(len(coming), _many(shares.double, coming))))
    for index, (student, card) in enumerate(coming):
        reader = rng.choices(readers, weights)[0]
        at = _late(rng, pace) if fates[student] is Fate.LATE else _on_time(rng, pace)
        yield reader, _tap(rng, card, at, reader, student, TapKind.FIRST)
        if index in twice:
            again = at + pace.second * rng.uniform(1.2, 7)
            yield reader, _tap(rng, card, again, reader, student, TapKind.DOUBLE)
    known = {holder.card for holder in holders}
    for card in _unknown_cards(rng, known, shares.unknown_cards):
        reader = rng.choices(readers, weights)[0]
        yield reader, _tap(rng, card, _on_time(rng, pace), reader, None, TapKind.UNKNOWN)


def _tap(
    rng: random.Random, card: str, at: datetime, reader: ReaderSpot, student: str | None, kind: TapKind
) -> PlannedTap:
    return PlannedTap(UUID(int=rng.getrandbits(128), version=4), card, at, reader.direction, student, kind)


def _on_time(rng: random.Random, pace: _Pace) -> datetime:
    """Four in five come in a bell-shaped rush around 13 minutes before the bell, the others in an early tail."""
    early = rng.gauss(13, 5.5) if rng.random() < 0.8 else 16 + rng.expovariate(1 / 12)
    at = pace.bell - pace.minute * max(early, 0.1 + rng.random())
    return max(at, pace.opens + pace.minute * rng.random())


def _late(rng: random.Random, pace: _Pace) -> datetime:
    """Most a few minutes after the bell, some much later."""
    return pace.bell + pace.minute * min(0.1 + rng.expovariate(1 / 12), 75)


def _unknown_cards(rng: random.Random, known: set[str], many: int) -> Iterator[str]:
    for _nth in range(many):
        card = f"{rng.getrandbits(32):08X}"
        while card in known or card in ("00000000", "FFFFFFFF"):
            card = f"{rng.getrandbits(32):08X}"
        yield card


def _silence(rng: random.Random, pace: _Pace, readers: Sequence[ReaderSpot], outage: Outage) -> Silence | None:
    """One reader falls silent when the rush swells, and is back before the bell if it comes back."""
    if outage is Outage.NONE:
        return None
    starts = pace.bell - pace.minute * rng.uniform(16, 19)
    ends = starts + pace.minute * rng.uniform(6, 10)
    return Silence(rng.choice(readers).reader, starts, None if outage is Outage.STAYS_OFFLINE else ends)


class _Line:
    """What one reader sends, in its own order: at once while it can, in batches when it has been offline."""

    def __init__(self, rng: random.Random, pace: _Pace, reader: str, silence: Silence | None) -> None:
        self._rng, self._pace, self._reader, self._silence = rng, pace, reader, silence
        self._free_at = pace.opens - pace.minute
        self._heard_again_at: datetime | None = None  # when it has handed in everything it stored
        self.unsent: list[PlannedTap] = []

    def sends(self, taps: Sequence[PlannedTap], *, until: datetime) -> list[PlannedSend]:
        """Everything it sends; what it never sends is in `unsent` afterwards. `taps` are in order."""
        sent = [self._send_now(tap) for tap in taps if not self._silence or tap.read_at < self._silence.starts]
        if self._silence:
            stored = [tap for tap in taps if tap.read_at >= self._silence.starts]
            if self._silence.ends:
                sent += self._catch_up(stored, self._silence.ends)
            else:
                self.unsent = stored
        return sent + [PlannedSend(at, self._reader, (), 0) for at in self._heartbeats(until) if self._is_online(at)]

    def _send_now(self, tap: PlannedTap) -> PlannedSend:
        self._free_at = max(tap.read_at + _SECOND * self._rng.uniform(0.05, 0.4), self._free_at + _SOON)
        return PlannedSend(self._free_at, self._reader, (tap,), 0)

    def _catch_up(self, taps: Iterable[PlannedTap], at: datetime) -> list[PlannedSend]:
        """Batches, oldest first, until nothing is stored; whoever taps meanwhile waits behind them."""
        waiting, sends = deque(taps), []
        while waiting and waiting[0].read_at <= at:
            ready = sum(tap.read_at <= at for tap in waiting)
            batch = tuple(waiting.popleft() for _nth in range(min(ready, _BATCH)))
            sends.append(PlannedSend(at, self._reader, batch, ready - len(batch)))
            at += self._pace.second
        self._free_at = self._heard_again_at = at
        return sends + [self._send_now(tap) for tap in waiting]

    def _heartbeats(self, until: datetime) -> Iterator[datetime]:
        at = self._pace.opens + self._pace.minute * self._rng.random()
        while at < until:
            yield at
            at += self._pace.minute
        yield until + _SECOND  # after its last tap, so that its last word is an empty queue

    def _is_online(self, at: datetime) -> bool:
        if not self._silence or at < self._silence.starts:
            return True
        return self._heard_again_at is not None and at >= self._heard_again_at
