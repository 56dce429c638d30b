"""A mail server that is down, slow, moody, rude or confused, and a real worker that sends through it.

No message is lost, none is doubled but one that was in flight, and that one is the same mail by its Message-ID. What
cannot leave in time is not sent late, and its state says so.
"""

import asyncio
import random
import re
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.db import transaction

from gatepost.notify import notices
from gatepost.notify.models import Address
from gatepost.notify.sender import BATCH
from gatepost.roster.models import Student
from tests import builders
from tests.faults.ground import Ground, Running, wait_until
from tests.faults.length import Length
from tests.faults.play import in_proportion
from tests.faults.sink import HangUp, Mail, Manners, Sink
from tests.faults.tally import Counts

# What a worker does without being told to wait so long: the same code, shorter times.
QUICK = """
from datetime import timedelta
from gatepost.channels.email import connection, pool
from gatepost.notify import sender
sender.RETRY_FIRST = timedelta(seconds=1)
sender.RETRY_MOST = timedelta(seconds=2)
plain = pool.SmtpPool.__init__
def quick(self, settings, **more):
    import dataclasses
    settings = dataclasses.replace(settings, connect_seconds=1, reply_seconds=1, pause_seconds=1)
    plain(self, settings, **{**more, "begin_seconds": 2.0, "end_seconds": 3.0})
pool.SmtpPool.__init__ = quick
"""


class Moody(Manners):
    """Misbehaves with a chance of one half, as long as it is `bad`, in all the ways that are given to it."""

    def __init__(self, chance: random.Random, *ways: str) -> None:
        self.chance, self.ways, self.bad, self.done = chance, ways, True, Counter[str]()

    async def greet(self) -> bytes:
        way = self._way("greeting")
        if way == "greeting hangs up":
            raise HangUp
        if way == "greeting is garbage":
            return b"\x00\xff\xfe hello?"
        if way == "greeting 421":
            return b"421 4.3.2 too many connections"
        if way == "greeting without an end":
            return b"\r\n".join([b"220-" + b"x" * 500] * 500)
        return await super().greet()

    async def command(self, verb: str, line: str) -> bytes:
        way = self._way("rcpt") if verb == "RCPT" else ""
        if way == "rcpt greylists":
            return b"451 4.7.1 come again later"
        if way == "rcpt refuses us":
            return b"554 5.7.1 we do not like you"
        if way == "rcpt hangs up":
            raise HangUp
        if way == "rcpt is garbage":
            return b"\x80\x81 what?"
        if way == "rcpt says nothing":
            await asyncio.sleep(3600)
        return await super().command(verb, line)

    async def message(self, mail: Mail) -> bytes:
        way = self._way("message")
        if way == "message 452":
            return b"452 4.3.1 no room"
        if way == "message hangs up":
            raise HangUp
        if way == "message says nothing":
            await asyncio.sleep(3600)
        if way == "message is long":
            return b"\r\n".join([b"250-2.0.0 " + b"x" * 400] * 40 + [b"250 2.0.0 taken"])
        return await super().message(mail)

    def _way(self, stage: str) -> str:
        ways = [way for way in self.ways if way.startswith(stage)]
        if not ways or not self.bad or self.chance.random() < 0.5:
            return ""
        way = self.chance.choice(ways)
        self.done[way] += 1
        return way


class TakesAndHangsUp(Manners):
    """Takes the first mails, and hangs up before it says so."""

    def __init__(self, sink: Sink, times: int) -> None:
        self.sink, self.times = sink, times

    async def message(self, mail: Mail) -> bytes:
        if self.times:
            self.times -= 1
            self.sink.mails.append(mail)
            raise HangUp
        return await super().message(mail)


ALL_WAYS = (
    *("greeting hangs up", "greeting is garbage", "greeting 421", "greeting without an end"),
    *("rcpt greylists", "rcpt refuses us", "rcpt hangs up", "rcpt is garbage", "rcpt says nothing"),
    *("message 452", "message hangs up", "message says nothing", "message is long"),
)


def families(count: int) -> list[Student]:
    """Students of one class with a guardian each, who wants every message."""
    their_class = builders.a_class(builders.a_school())
    students = [builders.a_student(their_class) for _ in range(count)]
    for student in students:
        builders.a_guardian(student)
    return students


def say(students: list[Student], *, best_before: timedelta = timedelta(hours=1), number: int = 1) -> None:
    now = datetime.now(UTC)
    facts = {"student": "王小明", "school": "雙園國小", "timezone": "Asia/Taipei", "at": now.isoformat()}
    posts = [
        notices.Post(
            key=f"arrived:{student.pk}:{number}",
            topic="arrived",
            about=UUID(str(student.pk)),
            on_date=now.date(),
            data={**facts, "source": "card", "place": "南門"},
            best_before=now + best_before,
        )
        for student in students
    ]
    with transaction.atomic():
        notices.post(posts, now=now)


def states(ground: Ground) -> Counter[tuple[str, str]]:
    return Counter({(state, why): n for state, why, n in ground.rows(_STATES)})


def settled(ground: Ground) -> bool:
    return not [state for state, _ in states(ground) if state in {"queued", "sending"}]


def cpu_seconds(worker: Running) -> float:
    """What the worker has used of the processor so far."""
    assert worker.process is not None
    fields = Path(f"/proc/{worker.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def belongings(worker: Running) -> tuple[int, int, int]:
    """Its threads, its open files and its memory in MB."""
    assert worker.process is not None
    status = Path(f"/proc/{worker.process.pid}/status").read_text()
    threads, memory = (int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("Threads", "VmRSS"))  # type: ignore[index]
    return threads, len(list(Path(f"/proc/{worker.process.pid}/fd").iterdir())), memory // 1000


def test_every_message_leaves_once_through_a_server_with_every_bad_manner(
    ground: Ground, sink: Sink, length: Length, chance: random.Random, counts: Counts
) -> None:
    students = families(length.of(40, 200))
    sink.manners = moody = Moody(chance, *ALL_WAYS)
    worker = ground.worker(before=QUICK, **sink.environment())
    say(students)
    wait_until(lambda: len(moody.done) >= length.of(8, len(ALL_WAYS)), "the server was bad enough")
    before = belongings(worker)
    time.sleep(length.of(1, 60))
    moody.bad = False
    wait_until(lambda: settled(ground), "all is settled")

    assert states(ground) == {("sent", ""): len(students)}
    times = sink.times()
    counts.note(rounds=1, bad_manners=sum(moody.done.values()), mails=len(sink.mails), lost=len(students) - len(times))
    counts.note(doubled=sum(times.values()) - len(times))
    assert set(times.values()) == {1}, "the server never took a mail without saying so"
    assert len(times) == len(students)
    assert not Address.objects.exclude(disabled_at=None).exists(), "nothing of this was the address's fault"
    after = belongings(worker)
    assert after[0] <= before[0] + 2, f"threads {before} {after}"
    assert after[1] <= before[1] + 6, f"open files {before} {after}"
    assert after[2] <= before[2] + 40, f"memory {before} {after}"


def test_what_was_taken_without_an_answer_is_the_same_mail_when_it_comes_again(
    ground: Ground, sink: Sink, length: Length, counts: Counts
) -> None:
    students, torn = families(length.of(20, 100)), length.of(6, 40)
    sink.manners = TakesAndHangsUp(sink, torn)
    ground.worker(before=QUICK, **sink.environment())
    say(students)
    wait_until(lambda: settled(ground), "all is settled")
    times = sink.times()
    counts.note(rounds=1, mails=len(sink.mails), sent_twice=torn, lost=len(students) - len(times), doubled=0)
    assert states(ground) == {("sent", ""): len(students)}
    assert len(times) == len(students)
    assert sum(times.values()) == len(students) + torn


def test_one_bad_address_is_switched_off_and_holds_nobody_up(ground: Ground, sink: Sink, counts: Counts) -> None:
    students = families(20)
    bad = Address.objects.order_by("pk")[3]

    class KnowsAll(Manners):
        async def command(self, verb: str, line: str) -> bytes:
            unknown = verb == "RCPT" and bad.target in line
            return b"550 5.1.1 no such mailbox" if unknown else await super().command(verb, line)

    sink.manners = KnowsAll()
    ground.worker(before=QUICK, **sink.environment())
    say(students)
    wait_until(lambda: settled(ground), "all is settled")
    assert states(ground) == {("sent", ""): 19, ("failed", "refused"): 1}
    assert ground.rows("SELECT id, disabled_because FROM notify_address WHERE disabled_at IS NOT NULL") == [
        (bad.pk, "refused")
    ]
    say(students, number=2)
    wait_until(lambda: settled(ground) and len(sink.mails) == 38, "the others are told again")
    counts.note(rounds=1, mails=len(sink.mails), lost=0, doubled=len(sink.mails) - len(sink.times()))
    assert len(sink.times()) == 38


def test_a_server_that_is_down_costs_little_and_what_is_late_then_is_not_sent(
    ground: Ground, sink: Sink, length: Length, counts: Counts
) -> None:
    students = families(20)
    worker = ground.worker(before=QUICK, **sink.environment())
    say(students[:1])
    wait_until(lambda: len(sink.mails) == 1, "the worker works")
    sink.close()
    seconds = length.of(5, 20)
    many = 60
    say(students[1:10], best_before=timedelta(seconds=2))
    for number in range(many):
        say(students[10:], best_before=timedelta(minutes=30), number=2 + number)
    used = cpu_seconds(worker)
    time.sleep(seconds)
    share = (cpu_seconds(worker) - used) / seconds
    attempts = ground.one("SELECT sum(attempts) FROM notify_delivery")
    sink.open()
    wait_until(lambda: settled(ground), "all is settled")
    found = states(ground)
    counts.note(rounds=1, mails=len(sink.mails), not_sent_late=9, lost=0, doubled=0)
    assert found["sent", ""] == 1 + 10 * many
    assert found["failed", "too_late"] + found["dropped", "stale"] == 9
    assert len(sink.mails) == len(sink.times()) == 1 + 10 * many
    assert share < 0.5, "it does not spin"
    assert attempts <= 1 + BATCH * (seconds + 2), "a batch a second is tried, and the rest left in peace"


def test_two_workers_do_not_send_what_the_other_is_slowly_sending(
    ground: Ground, sink: Sink, length: Length, counts: Counts
) -> None:
    """A server that turns slow in the middle of a batch: what was begun late must be over before the lease is."""

    class TurnsSlow(Manners):
        many = 0

        async def message(self, mail: Mail) -> bytes:
            self.many += 1
            await asyncio.sleep(0.15 if self.many <= length.of(20, 160) else 1.5)
            return await super().message(mail)

    students = families(length.of(30, 200))
    sink.manners = TurnsSlow()
    workers = [ground.worker(before=in_proportion(5), **sink.environment()) for _ in range(2)]
    say(students)
    wait_until(lambda: settled(ground), "all is settled")
    counts.note(rounds=1, mails=len(sink.mails), lost=len(students) - len(sink.times()))
    counts.note(doubled=len(sink.mails) - len(sink.times()))
    assert states(ground) == {("sent", ""): len(students)}
    assert set(sink.times().values()) == {1}
    assert len(sink.mails) == len(students)
    assert all(worker.alive for worker in workers)


def test_a_tarpit_is_broken_off_and_the_worker_ends_when_it_is_told_to(ground: Ground, sink: Sink) -> None:
    """One sign a while: no single wait runs out, and the whole would take hours."""

    class Tarpit(Manners):
        async def command(self, verb: str, line: str) -> bytes:
            if verb == "RCPT":
                for _ in range(10_000):
                    await asyncio.sleep(0.3)
                    await drip(sink)
            return await super().command(verb, line)

    students = families(5)
    sink.manners = Tarpit()
    worker = ground.worker(before=QUICK, **sink.environment())
    say(students)
    wait_until(lambda: ground.one("SELECT max(attempts) FROM notify_delivery") >= 2, "it was broken off", seconds=30)
    worker.stop()
    sink.manners = Manners()
    ground.worker(before=QUICK, **sink.environment())
    wait_until(lambda: settled(ground), "all is settled", seconds=120)
    assert len(sink.mails) == len(sink.times()) == 5


async def drip(sink: Sink) -> None:
    """A sign of an answer to everybody who waits, so that nobody's single wait runs out."""
    for writer in list(sink._writers):
        writer.write(b"2")
        await writer.drain()


_STATES = "SELECT state, because, count(*) FROM notify_delivery GROUP BY 1, 2"
