"""What Gatepost promises, each a story from the reader's request to the family's mailbox.

The numbers are those of the promises; finer cases stand with the rooms that keep them.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation

from gatepost.attendance import arrivals, daylines, entries, leaves, sweep
from gatepost.attendance.models import Day, Event, Leave, Rules, SchoolDay, Sweep
from gatepost.gates.models import Tap
from gatepost.gates.tests.conftest import Post, batch, tap
from gatepost.kit.clock import utc_now
from gatepost.notify import sender
from gatepost.notify.mail import MailCarrier
from gatepost.notify.models import Delivery, Notice
from gatepost.roster.models import Student
from tests import builders
from tests.conftest import Mailroom

pytestmark = pytest.mark.django_db(transaction=True)

ZONE = ZoneInfo("Asia/Taipei")


class Morning:
    """One school on the day this test runs, with lessons until the end of it: taps come through HTTP, now."""

    def __init__(self, post: Post, carrier: MailCarrier) -> None:
        self.post, self.carrier = post, carrier
        self.now = utc_now()
        self.today = self.now.astimezone(ZONE).date()
        self.school = builders.a_school()
        builders.a_school_day(self.school, day=self.today)
        # Everything before midnight is a coming, and the cut-off was a moment ago.
        moment = self.now.astimezone(ZONE)
        Rules.objects.create(
            school=self.school,
            cutoff=max(moment - timedelta(minutes=1), moment.replace(hour=0, minute=0, second=0, microsecond=0)).time(),
            leave_from="23:59:59",
            not_arrived_until="23:59:59",
        )
        self.student = builders.a_student(builders.a_class(self.school), "王小明")
        self.uid = builders.a_card(self.student).uid
        self.guardian = builders.a_guardian(self.student)
        self.reader, self.key = builders.a_reader(self.school, name="2 號機", heard_at=self.now)

    def taps(self, *ago: float, key: str | None = None, **fields: object) -> None:
        """The card was read so many seconds ago; the reader hands it in now."""
        lines = [tap(self.uid, at=utc_now() - timedelta(seconds=one)) for one in ago]
        assert self.post(key or self.key, batch(*lines, **fields)).status_code == 200

    def work(self, now: datetime | None = None) -> None:
        """What the worker does, until there is nothing left."""
        moment = now or utc_now()
        while arrivals.follow_taps(now=moment):
            pass
        sweep.sweep_due(now=moment)
        while sender.send_due("email", self.carrier, now=moment):
            pass

    def line(self, now: datetime | None = None) -> daylines.DayLine:
        """The child's line, in Chinese."""
        with translation.override("zh-hant"):
            return daylines.day_lines([self.student], now=now or utc_now())[self.student.pk]


@pytest.fixture
def morning(transactional_db: None, post: Post, carrier: MailCarrier) -> Morning:
    return Morning(post, carrier)


def test_a_tap_at_the_gate_becomes_a_message_home(morning: Morning, mailroom: Mailroom) -> None:
    morning.taps(1)
    morning.work()
    mail = mailroom.mails[0]
    assert mail["To"].addresses[0].addr_spec == morning.guardian.email
    assert "王小明" in str(mail["Subject"])
    assert "南門 2 號機" in mailroom.text()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert Delivery.objects.get().state == "sent"


class TestPromise2NothingIsInvented:
    def test_every_event_names_its_source(self, morning: Morning, mailroom: Mailroom) -> None:
        morning.taps(1)
        teacher = builders.an_account(name="陳老師")
        entries.enter(
            morning.student,
            Event.Side.SEEN,
            at=utc_now(),
            source=Event.Source.TEACHER,
            by=teacher.pk,
            now=utc_now(),
        )
        morning.work()
        sources = {(event.source, event.reader_id, event.by_id) for event in Event.objects.all()}
        assert sources == {("card", morning.reader.pk, None), ("teacher", None, teacher.pk)}

    def test_a_tap_at_midday_whose_direction_nobody_knows_is_told_to_nobody(
        self, morning: Morning, mailroom: Mailroom
    ) -> None:
        morning.taps(3600)
        morning.work()
        morning.taps(1)
        morning.work()
        assert len(mailroom.mails) == 1
        assert Day.objects.get().left_at is None


class TestPromise3SilenceIsExplained:
    def test_a_child_who_arrived(self, morning: Morning) -> None:
        morning.taps(1)
        morning.work()
        assert morning.line().state == "arrived"
        assert "南門 2 號機" in morning.line().why

    def test_not_seen_yet_and_the_gate_works(self, morning: Morning) -> None:
        Rules.objects.update(cutoff="23:58:00")
        assert morning.line().state == "waiting"
        assert "23:58" in morning.line().why

    def test_on_leave(self, morning: Morning) -> None:
        leaves.grant(
            morning.student, first=morning.today, last=morning.today, kind=Leave.Kind.SICK, by=None, now=morning.now
        )
        assert morning.line().state == "leave"

    def test_a_gate_that_is_offline_is_named_with_its_hour(self, morning: Morning) -> None:
        since = utc_now() - timedelta(minutes=20)
        builders.hear(morning.reader, since)
        line = morning.line()
        assert line.state == "held"
        assert "南門 2 號機" in line.why
        assert since.astimezone(ZONE).strftime("%H:%M") in line.why

    def test_no_school_today(self, morning: Morning) -> None:
        SchoolDay.objects.update(kind=SchoolDay.Kind.CLOSURE, name="颱風停課")
        assert (morning.line().state, morning.line().why) == ("no_school", "颱風停課")


class TestPromise4OnlyOnCompleteData:
    def test_complete_data_tells_home(self, morning: Morning, mailroom: Mailroom) -> None:
        morning.post(morning.key, batch())
        morning.work()
        assert "王小明" in mailroom.subjects(morning.guardian.email)[0]
        assert morning.line().state == "not_arrived"

    def test_a_reader_with_taps_left_holds_and_staff_are_told_why(self, morning: Morning, mailroom: Mailroom) -> None:
        morning.post(morning.key, batch(queue=3))
        morning.work()
        assert not mailroom.mails
        held = Sweep.objects.get()
        assert (held.decided_at, held.held_because) == (None, "readers")
        assert held.held_facts["readers"] == [str(morning.reader.pk)]
        morning.taps(60)  # it hands in the rest, and its queue is empty now
        morning.work()
        assert Sweep.objects.get().missing == 0
        assert Notice.objects.get().topic == "arrived"

    def test_leave_that_is_only_asked_for_counts(self, morning: Morning, mailroom: Mailroom) -> None:
        leaves.grant(
            morning.student,
            first=morning.today,
            last=morning.today,
            kind=Leave.Kind.SICK,
            by=None,
            now=morning.now,
            approved=False,
        )
        morning.post(morning.key, batch())
        morning.work()
        assert not mailroom.mails


class TestPromise5AMassAlarmHasABrake:
    @pytest.fixture
    def children(self, morning: Morning) -> list[Student]:
        """A class of twenty; nobody taps."""
        children = [builders.a_student(morning.student.school_class) for _ in range(19)]
        for child in children:
            builders.a_guardian(child)
        morning.post(morning.key, batch())
        return children

    def test_it_waits_for_a_person_and_then_goes_to_all(
        self, morning: Morning, mailroom: Mailroom, children: list[Student]
    ) -> None:
        morning.work()
        assert Sweep.objects.get().held_because == "brake"
        assert not mailroom.mails
        sweep.release(morning.school, by=builders.an_office(morning.school), now=utc_now())
        morning.work()
        assert len(mailroom.mails) == 20

    def test_what_was_wrong_is_put_right_for_exactly_those_who_got_it(
        self, morning: Morning, mailroom: Mailroom, children: list[Student]
    ) -> None:
        morning.work()
        sweep.release(morning.school, by=builders.an_office(morning.school), now=utc_now())
        morning.work()
        mailroom.script.mails.clear()
        office = builders.an_office(morning.school, "school_administrator")
        assert sweep.correct(morning.school, by=office, now=utc_now()) == 20
        morning.work()
        assert len(mailroom.mails) == 20
        assert len({str(mail["To"]) for mail in mailroom.mails}) == 20
        assert sweep.correct(morning.school, by=office, now=utc_now()) == 0


class TestPromise8BestBefore:
    def test_what_comes_an_hour_late_is_not_sent_and_staff_can_see_it(
        self, morning: Morning, mailroom: Mailroom
    ) -> None:
        morning.taps(61 * 60)
        morning.work()
        assert not mailroom.subjects(morning.guardian.email)
        assert list(Delivery.objects.values_list("state", "because")) == [("dropped", "stale")]

    def test_what_is_a_little_late_says_so(self, morning: Morning, mailroom: Mailroom) -> None:
        type(morning.guardian).objects.update(language="en")
        morning.taps(20 * 60)
        morning.work()
        assert "This message is late" in mailroom.text()


class TestPromise9ARepeatChangesNothing:
    def test_a_reader_that_sends_everything_again_in_another_order_and_split(
        self, morning: Morning, mailroom: Mailroom
    ) -> None:
        lines = [tap(morning.uid, at=utc_now() - timedelta(seconds=ago)) for ago in (900, 890, 300, 2)]
        morning.post(morning.key, batch(*lines))
        morning.work()
        day = Day.objects.values().get()
        for line in [lines[3], lines[1], *lines, lines[0]]:
            morning.post(morning.key, batch(line))
            morning.work()
        assert Day.objects.values().get() == day
        assert Tap.objects.count() == Event.objects.count() == 4
        assert len(mailroom.mails) == 1


def test_a_mail_server_that_is_busy_gets_the_mail_a_little_later(morning: Morning, mailroom: Mailroom) -> None:
    mailroom.script.answers["MESSAGE"] = "451 4.3.2 busy"
    morning.taps(1)
    morning.work()
    assert (Delivery.objects.get().state, mailroom.mails) == ("queued", [])
    mailroom.script.answers.clear()
    morning.work(Delivery.objects.get().due_at)
    assert Delivery.objects.get().state == "sent"
    assert len(mailroom.mails) == 1


@pytest.mark.parametrize("language", ["zh-hant", "en", "vi", "id"])
def test_the_family_reads_it_in_its_own_language(morning: Morning, mailroom: Mailroom, language: str) -> None:
    type(morning.guardian).objects.update(language=language)
    morning.taps(1)
    morning.work()
    assert mailroom.mails[0]["Content-Language"].lower() == language
    clock = Day.objects.get().arrived_at.astimezone(ZONE).strftime("%H:%M")
    assert clock in str(mailroom.mails[0]["Subject"])
    assert "{" not in mailroom.text()
