"""A simulated morning, played through `POST /v1/taps` like a real one, until all that follows from it has happened.

The readers are tasks of one event loop. Beside them a thread is the school office, which enters who came without a
card, and another watches the tables and notes when a tap has become an event.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection

from gatepost.attendance import entries
from gatepost.attendance.models import Event, Sweep
from gatepost.demo.act import Act, Wish, has_demonstration_key, in_use, prepare
from gatepost.demo.morning_plan import Outage
from gatepost.demo.reader_keys import reader_key
from gatepost.demo.reader_line import Journal, ReaderLine
from gatepost.demo.rehearsal import RehearsalRefused, make_ready, set_back, times
from gatepost.gates.models import TapQueue
from gatepost.kit.clock import utc_now
from gatepost.roster.models import School, Student

LEAD: Final = timedelta(seconds=0.5)  # what making ready takes, a school
BEAT_SECONDS: Final = 2.0
WATCH_SECONDS: Final = 0.05
LOOK_SECONDS: Final = 0.5

Progress = Callable[[str, int, int], None]


@dataclass
class Played:
    """What happened, as it looked from outside; `findings` compares it with the tables."""

    began_at: datetime
    acts: list[Act] = field(default_factory=list)
    journal: Journal = field(default_factory=Journal)
    marked: dict[UUID, float] = field(default_factory=dict)  # nonce: when its event was first seen (Unix seconds)
    settled: bool = False  # nothing was left to do when we stopped waiting


def play(schools: Sequence[School], wish: Wish, *, progress: Progress = lambda step, done, total: None) -> Played:
    """Play the morning of `schools` together, and wait until everything that follows from it has happened.

    Afterwards the schools have their own rules again, except where the alarm is held: another cut-off would decide or
    drop what a person is to look at. Raises `RehearsalRefused`, `DoorClosed`, `NoDemonstration`.
    """
    _knock(schools[0], wish)
    played = Played(utc_now())
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(played, stop), name="watcher", daemon=True)
    try:
        when = times(utc_now() + LEAD * (len(schools) + 1), minutes=wish.minutes)
        for school in schools:
            make_ready(school, when, keep=wish.keep, now=played.began_at)
            played.acts.append(prepare(school, when, wish, now=played.began_at))
            progress("schools", len(played.acts), len(schools))
        watcher.start()
        asyncio.run(_Stage(played, wish, stop, progress).perform())
    finally:
        stop.set()
        _set_back(schools, played)
    watcher.join()
    return played


def _knock(school: School, wish: Wish) -> None:
    """A heartbeat of one reader, before anything is changed. Raises `DoorClosed`, `RehearsalRefused`."""
    readers = [reader for reader in in_use(school) if has_demonstration_key(reader)]
    if not readers:
        raise RehearsalRefused(
            f"{school.code} has no readers of the demonstration: is this the city of `gatepost demo`?"
        )
    line = ReaderLine(wish.url, reader_key(readers[0].pk), Journal())

    async def knock() -> None:
        try:
            await line.hand_in([], queue=0, give_up_seconds=1)
        finally:
            line.close()

    asyncio.run(knock())


def _set_back(schools: Sequence[School], played: Played) -> None:
    """Give the schools their rules back, but not under an alarm that was meant to be seen."""
    held = {act.school.pk for act in played.acts if played.settled and act.is_held()}
    for school in schools:
        if school.pk not in held:
            set_back(school, now=utc_now())


class _Stage:
    """The event loop's part."""

    def __init__(self, played: Played, wish: Wish, stop: threading.Event, progress: Progress) -> None:
        self._played, self._wish, self._stop, self._progress = played, wish, stop, progress
        self._taps = sum(len(send.taps) for act in played.acts for send in act.plan.sends)

    async def perform(self) -> None:
        """Everything until nothing is left to do. Raises what a line raises."""
        try:
            async with asyncio.TaskGroup() as group:
                beats: list[asyncio.Task[None]] = []
                readers = [
                    group.create_task(self._reader(act, nth, group, beats))
                    for act in self._played.acts
                    for nth in range(len(act.readers))
                ]
                office = asyncio.to_thread(_enter_all, self._played.acts, self._stop)
                shown = group.create_task(self._show())
                await asyncio.gather(group.create_task(office), *readers)
                shown.cancel()
                self._progress("taps", self._taps, self._taps)
                self._played.settled = await asyncio.to_thread(self._wait)
                for beat in beats:
                    beat.cancel()
        except ExceptionGroup as several:
            raise several.exceptions[0] from None
        finally:
            self._stop.set()

    async def _reader(self, act: Act, nth: int, group: asyncio.TaskGroup, beats: list[asyncio.Task[None]]) -> None:
        reader = act.readers[nth]
        line = ReaderLine(self._wish.url, reader_key(reader.pk), self._played.journal)
        sends = [send for send in act.plan.sends if send.reader == str(reader.pk)]
        await line.play(sends, act.card_texts(reader))
        silence = act.plan.silence
        if silence is None or silence.reader != str(reader.pk) or silence.ends is not None:
            beats.append(group.create_task(line.beat(every_seconds=BEAT_SECONDS)))

    async def _show(self) -> None:
        while True:
            self._progress("taps", len(self._played.journal.answers), self._taps)
            await asyncio.sleep(0.2)

    def _wait(self) -> bool:
        """Look until nothing is left to do, or patience ends. In a thread of its own."""
        try:
            until = time.monotonic() + self._wish.patience_seconds
            most = 0
            while time.monotonic() < until and not self._stop.is_set():
                left = sum(_left_to_do(act) for act in self._played.acts)
                most = max(most, left)
                self._progress("messages", most - left, most)
                if left == 0:
                    return True
                time.sleep(LOOK_SECONDS)
            return False
        finally:
            connection.close()


def _left_to_do(act: Act) -> int:
    """How many things of this school still wait: taps, mails, and the question of the cut-off (counts one)."""
    taps = TapQueue.objects.filter(shard=act.school.pk % TapQueue.SHARDS, school_id=act.school.pk).count()
    return taps + _mails_waiting(act) + (not _question_is_answered(act))


def _question_is_answered(act: Act) -> bool:
    """Decided, or held by what this morning was meant to show."""
    sweep = act.sweep()
    if sweep is None or sweep.decided_at is not None:
        return sweep is not None
    if sweep.held_because == Sweep.Held.READERS:
        # A busy machine may ask before the last word of the others has come in; then they are on the list for a moment.
        silence = act.plan.silence if act.outage is Outage.STAYS_OFFLINE else None
        return silence is not None and set(sweep.held_facts.get("readers", ())) == {silence.reader}
    return sweep.held_because == Sweep.Held.BRAKE


def _mails_waiting(act: Act) -> int:
    """Deliveries about the school's students on their way; one that waits for its next try in minutes is not."""
    with connection.cursor() as cursor:
        cursor.execute(_MAILS_WAITING, [act.school.pk, act.date, utc_now() + timedelta(seconds=5)])
        return int(cursor.fetchone()[0])


_MAILS_WAITING = """
SELECT count(*) FROM notify_delivery delivery JOIN roster_student student ON student.id = delivery.about
WHERE student.school_id = %s AND delivery.on_date = %s
  AND (delivery.state = 'sending' OR (delivery.state = 'queued' AND delivery.due_at < %s))
"""


def _enter_all(acts: Sequence[Act], stop: threading.Event) -> None:
    """The offices: who came without a card is entered between the bell and the cut-off. In a thread of its own."""
    planned = [
        (act.when.bell + (act.when.cutoff - act.when.bell) * (0.8 * nth / max(1, len(act.by_hand))), act, pk, by)
        for act in acts
        for nth, (pk, by) in enumerate(act.by_hand.items())
    ]
    try:
        for due, act, pk, by in sorted(planned, key=lambda one: one[0]):
            if stop.wait(max(0.0, (due - utc_now()).total_seconds())):
                return
            student, now = Student.objects.select_related("school").get(pk=pk), utc_now()
            entries.enter(student, Event.Side.IN, at=now, source=Event.Source.TEACHER, by=by, now=now)
            act.entered.add(pk)
    finally:
        connection.close()


def _watch(played: Played, stop: threading.Event) -> None:
    """Note when the event of each tap stands in the tables, to within `WATCH_SECONDS`. In a thread of its own."""
    dates: list[date] = sorted({act.date for act in played.acts})
    newest = 0
    try:
        while True:
            seen = _events_after(newest, dates, played.began_at)
            now = time.time()
            for number, nonce in seen:
                played.marked.setdefault(nonce, now)
                newest = max(newest, number)
            if stop.wait(WATCH_SECONDS):
                return
    finally:
        connection.close()


OUT_OF_ORDER: Final = 300  # numbers are given before the commit: a later one may be seen first


def _events_after(newest: int, dates: Sequence[date], began_at: datetime) -> list[tuple[int, UUID]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, nonce FROM attendance_event"
            " WHERE date = ANY(%s) AND id > %s AND source = 'card' AND recorded_at >= %s",
            [list(dates), newest - OUT_OF_ORDER, began_at],
        )
        return list(cursor.fetchall())
