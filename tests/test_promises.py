"""What Gatepost promises, each a story from the reader's request to the family's mailbox.

The numbers are those of the promises; finer cases stand with the rooms that keep them.
"""

import pytest
from django.utils import translation

from gatepost.accounts.models import Account
from gatepost.attendance import arrivals, daylines, leaves, sweep
from gatepost.attendance.models import Day, Event, Leave, SchoolDay, Sweep
from gatepost.gates.models import Tap
from gatepost.gates.tests.conftest import Post, batch, tap
from gatepost.notify import sender
from gatepost.notify.mail import MailCarrier
from gatepost.notify.models import Delivery, Notice
from gatepost.roster.models import Student
from tests import builders
from tests.builders import MONDAY, at
from tests.conftest import Mailroom

pytestmark = pytest.mark.django_db(transaction=True)


class Morning:
    """One school on a Monday. `now` is what every clock shows; taps come through HTTP."""

    def __init__(self, post: Post, carrier: MailCarrier) -> None:
        self.post, self.carrier = post, carrier
        self.school = builders.a_school()
        builders.a_school_day(self.school)
        self.student = builders.a_student(builders.a_class(self.school), "王小明")
        self.uid = builders.a_card(self.student).uid
        self.guardian = builders.a_guardian(self.student)
        self.reader, self.key = builders.a_reader(self.school, name="2 號機", heard_at=at("07:00"))
        self.now = at("07:42")

    def hand_in(self, *lines: dict[str, object], **fields: object) -> None:
        """The reader hands in these lines now."""
        self.post.now = self.now
        assert self.post(self.key, batch(*lines, sent_at=self.now, **fields)).status_code == 200

    def taps(self, *clocks: str, **fields: object) -> None:
        """The card was read at these times; the reader hands it in now, or at the last of them if that is later."""
        self.now = max(self.now, *(at(clock) for clock in clocks))
        self.hand_in(*(tap(self.uid, at=at(clock)) for clock in clocks), **fields)

    def work(self) -> None:
        """What the worker does, until there is nothing left."""
        while arrivals.follow_taps(now=self.now):
            pass
        sweep.sweep_due(now=self.now)
        while sender.send_due("email", self.carrier, now=self.now):
            pass

    def line(self) -> daylines.DayLine:
        """The child's line, in Chinese."""
        with translation.override("zh-hant"):
            return daylines.day_lines([self.student], now=self.now)[self.student.pk]


@pytest.fixture
def morning(transactional_db: None, post: Post, carrier: MailCarrier) -> Morning:
    return Morning(post, carrier)


def test_a_tap_at_the_gate_becomes_a_message_home(morning: Morning, mailroom: Mailroom) -> None:
    morning.taps("07:42")
    morning.work()
    mail = mailroom.mails[0]
    assert mail["To"].addresses[0].addr_spec == morning.guardian.email
    assert "王小明" in str(mail["Subject"])
    assert "07:42" in str(mail["Subject"])
    assert "南門 2 號機" in mailroom.text()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert Delivery.objects.get().state == "sent"


class TestPromise2NothingIsInvented:
    def test_every_event_names_its_source(self, morning: Morning, mailroom: Mailroom) -> None:
        morning.taps("07:42")
        teacher = builders.an_account(name="陳老師")
        builders.entered(morning.student, Event.Side.SEEN, at("08:05"), by=teacher)
        morning.work()
        sources = {(event.source, event.reader_id, event.by_id) for event in Event.objects.all()}
        assert sources == {("card", morning.reader.pk, None), ("office", None, teacher.pk)}

    def test_a_tap_at_midday_whose_direction_nobody_knows_is_told_to_nobody(
        self, morning: Morning, mailroom: Mailroom
    ) -> None:
        morning.taps("07:42")
        morning.work()
        morning.taps("10:30")
        morning.work()
        assert len(mailroom.mails) == 1
        assert Day.objects.get().left_at is None


class TestPromise3SilenceIsExplained:
    def test_a_child_who_arrived(self, morning: Morning) -> None:
        morning.taps("07:42")
        morning.work()
        assert morning.line().state == "arrived"
        assert "南門 2 號機" in morning.line().why

    def test_not_seen_yet_and_the_gate_works(self, morning: Morning) -> None:
        morning.hand_in()
        assert morning.line().state == "waiting"
        assert "08:10" in morning.line().why

    def test_on_leave(self, morning: Morning) -> None:
        leaves.grant(morning.student, first=MONDAY, last=MONDAY, kind=Leave.Kind.SICK, by=None, now=morning.now)
        assert morning.line().state == "leave"

    def test_a_gate_that_is_offline_is_named_with_its_hour(self, morning: Morning) -> None:
        builders.hear(morning.reader, at("07:31"))
        assert morning.line().state == "held"
        assert "南門 2 號機" in morning.line().why
        assert "07:31" in morning.line().why

    def test_a_gate_that_holds_the_question_is_named_at_once(self, morning: Morning) -> None:
        builders.hear(morning.reader, at("08:09:50"))
        morning.now = at("08:10:30")
        morning.work()
        assert Sweep.objects.get().held_because == "readers"
        assert "南門 2 號機" in morning.line().why

    def test_no_school_today(self, morning: Morning) -> None:
        SchoolDay.objects.update(kind=SchoolDay.Kind.CLOSURE, name="颱風停課")
        assert (morning.line().state, morning.line().why) == ("no_school", "颱風停課")


class TestPromise4OnlyOnCompleteData:
    def test_complete_data_tells_home(self, morning: Morning, mailroom: Mailroom) -> None:
        morning.now = at("08:10:20")
        morning.hand_in()
        morning.work()
        assert "王小明" in mailroom.subjects(morning.guardian.email)[0]
        assert morning.line().state == "not_arrived"

    def test_a_reader_with_taps_left_holds_and_staff_are_told_why(self, morning: Morning, mailroom: Mailroom) -> None:
        morning.now = at("08:10:20")
        morning.hand_in(queue=3)
        morning.work()
        assert not mailroom.mails
        held = Sweep.objects.get()
        assert (held.decided_at, held.held_because) == (None, "readers")
        assert held.held_facts["readers"] == [str(morning.reader.pk)]
        morning.now = at("08:15")
        morning.taps("07:50")  # it hands in the rest, and holds no more
        morning.work()
        assert Sweep.objects.get().missing == 0
        assert Notice.objects.get().topic == "arrived"

    def test_leave_that_is_only_asked_for_counts(self, morning: Morning, mailroom: Mailroom) -> None:
        leaves.grant(
            morning.student,
            first=MONDAY,
            last=MONDAY,
            kind=Leave.Kind.SICK,
            by=None,
            now=morning.now,
            approved=False,
        )
        morning.now = at("08:10:20")
        morning.hand_in()
        morning.work()
        assert not mailroom.mails


class TestPromise5AMassAlarmHasABrake:
    @pytest.fixture
    def children(self, morning: Morning) -> list[Student]:
        """A class of twenty; nobody taps."""
        children = [builders.a_student(morning.student.school_class) for _ in range(19)]
        for child in children:
            builders.a_guardian(child)
        morning.now = at("08:10:20")
        morning.hand_in()
        morning.work()
        return [morning.student, *children]

    def test_it_waits_for_a_person_and_then_goes_to_all(
        self, morning: Morning, mailroom: Mailroom, children: list[Student]
    ) -> None:
        assert Sweep.objects.get().held_because == "brake"
        assert not mailroom.mails
        sweep.release(morning.school, by=builders.an_office(morning.school), now=morning.now)
        morning.work()
        assert len(mailroom.mails) == len(children) == 20

    def test_what_was_wrong_is_put_right_for_exactly_those_who_got_it(
        self, morning: Morning, mailroom: Mailroom, children: list[Student]
    ) -> None:
        office = builders.an_office(morning.school)
        sweep.release(morning.school, by=office, now=morning.now)
        morning.work()
        mailroom.script.mails.clear()
        assert sweep.correct(morning.school, by=office, now=morning.now) == 20
        morning.work()
        assert len(mailroom.mails) == 20
        assert len({str(mail["To"]) for mail in mailroom.mails}) == 20
        assert sweep.correct(morning.school, by=office, now=morning.now) == 0


class TestPromise8BestBefore:
    def test_what_comes_an_hour_late_is_not_sent_and_staff_can_see_it(
        self, morning: Morning, mailroom: Mailroom
    ) -> None:
        morning.now = at("08:43")
        morning.taps("07:42")
        morning.work()
        assert not mailroom.subjects(morning.guardian.email)
        assert list(Delivery.objects.values_list("state", "because")) == [("dropped", "stale")]

    def test_what_is_a_little_late_says_so(self, morning: Morning, mailroom: Mailroom) -> None:
        Account.objects.update(language="en")
        morning.now = at("08:02")
        morning.taps("07:42")
        morning.work()
        assert "This message is late" in mailroom.text()


class TestPromise9ARepeatChangesNothing:
    def test_a_reader_that_sends_everything_again_in_another_order_and_split(
        self, morning: Morning, mailroom: Mailroom
    ) -> None:
        morning.now = at("08:00")
        lines = [tap(morning.uid, at=at(clock)) for clock in ("07:42:00", "07:42:10", "07:50:00", "07:59:58")]
        morning.hand_in(*lines)
        morning.work()
        day = Day.objects.values().get()
        for line in [lines[3], lines[1], *lines, lines[0]]:
            morning.hand_in(line)
            morning.work()
        assert Day.objects.values().get() == day
        assert Tap.objects.count() == Event.objects.count() == 4
        assert len(mailroom.mails) == 1


def test_a_mail_server_that_is_busy_gets_the_mail_a_little_later(morning: Morning, mailroom: Mailroom) -> None:
    mailroom.script.answers["MESSAGE"] = "451 4.3.2 busy"
    morning.taps("07:42")
    morning.work()
    assert (Delivery.objects.get().state, mailroom.mails) == ("queued", [])
    mailroom.script.answers.clear()
    morning.now = Delivery.objects.get().due_at
    morning.work()
    assert Delivery.objects.get().state == "sent"
    assert len(mailroom.mails) == 1


@pytest.mark.parametrize("language", ["zh-hant", "en", "vi", "id"])
def test_the_family_reads_it_in_its_own_language(morning: Morning, mailroom: Mailroom, language: str) -> None:
    Account.objects.update(language=language)
    morning.taps("07:42")
    morning.work()
    assert mailroom.mails[0]["Content-Language"].lower() == language
    assert "07:42" in str(mailroom.mails[0]["Subject"])
    assert "{" not in mailroom.text()
