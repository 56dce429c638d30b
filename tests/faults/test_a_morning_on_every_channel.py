"""A school's morning, told over four channels at once while one provider answers nothing but errors.

The worker's own loops, over sockets, to a mail server, to LINE, to a push service and to a gateway for short
messages. Only the clock is ours: a morning of three hours is played minute by minute. What is asked afterwards is asked
of the tables and of what the providers got.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import cycle
from typing import Any

import pytest

from gatepost.accounts.models import Account
from gatepost.allowances import budgets, rules
from gatepost.allowances.models import Budget, Grant, Spending
from gatepost.attendance import arrivals, sweep
from gatepost.attendance.models import Sweep
from gatepost.attendance.tests.taps import tapped
from gatepost.cards.models import Card
from gatepost.channels.line.tests.platform import user
from gatepost.channels.push.subscription import PushSubscription
from gatepost.channels.push.tests.service import PushedBrowser
from gatepost.config.carriers import Way, ways
from gatepost.gates.models import Reader
from gatepost.kit.worker import Loop
from gatepost.notify import addresses, ladder, push_keys, receivers, recipients
from gatepost.notify.climbs import unconfirmed
from gatepost.notify.models import Address, Channel, Climb, Delivery, LineMonth, Notice
from gatepost.roster.models import School, Student
from tests import builders
from tests.builders import MONDAY, at
from tests.faults import length as lengths
from tests.faults.length import Length
from tests.faults.providers import PROVIDERS, Providers, four_providers
from tests.faults.sink import Sink
from tests.faults.tally import Counts

pytestmark = pytest.mark.django_db

CLASS_SIZE = 30
LOOKS_MOST = 50
BEGIN, END = at("07:30"), at("10:30")
# What families have. They choose two for arrivals, and one of these for "not arrived": the others are there for need.
MIXES = (
    ("email", "line"), ("line", "push"), ("push", "sms"), ("sms", "email"),
    ("line", "sms", "email"), ("push", "email", "line"), ("email", "sms", "push"),
)  # fmt: skip
FAMILIES, FAMILIES_LONG, FAMILIES_CITY = 30, 250, 1_000
# Who fails, and over what text messages go.
SHORT = (("line", "mitake"),)
LONG = tuple((provider, "mitake") for provider in PROVIDERS)
CITY = (*LONG, ("line", "smpp"), ("sms", "smpp"))


@pytest.fixture
def providers(
    settings: Any, monkeypatch: pytest.MonkeyPatch, sink: Sink, caplog: pytest.LogCaptureFixture, gateway: str
) -> Iterator[Providers]:
    with four_providers(settings, monkeypatch, sink, caplog, gateway=gateway) as four:
        yield four


@pytest.fixture
def booked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many segments were ever taken from budgets, and how many of them were given back."""
    found: Counter[str] = Counter()

    def counted(name: str, sign: int, do: Any) -> Any:
        def counting(*args: Any, **named: Any) -> Any:
            before = _held()
            done = do(*args, **named)
            found[name] += sign * (_held() - before)
            return done

        return counting

    monkeypatch.setattr(rules, "allow", counted("booked", 1, rules.allow))
    monkeypatch.setattr(rules, "give_back", counted("given back", -1, rules.give_back))
    return found


def _held() -> int:
    return sum(Spending.objects.values_list("segments", flat=True))


@dataclass
class Family:
    """A child, its card, who is told, and whether anybody there takes up a telephone this morning."""

    child: Student
    card: Card
    mother: Account
    is_missing: bool
    answers: bool
    browser: PushedBrowser | None = None


@dataclass
class Morning:
    """The city's clock, its families, and the loops of one worker."""

    school: School
    reader: Reader
    providers: Providers
    failing: str
    families: list[Family] = field(default_factory=list)
    said_back: int = 0

    def family(self, number: int, school_class: Any) -> None:
        """The family of that number: its mix of channels, what it chose, and what it will do."""
        mix = MIXES[number % len(MIXES)]
        child = builders.a_student(school_class, f"第{number}號", seat=number % CLASS_SIZE + 1)
        mother = builders.a_guardian(child, subscribed=[])
        one = Family(
            child,
            builders.a_card(child),
            mother,
            is_missing=number % 6 == 5,
            answers=number % 4 != 1,
        )
        has = {channel: self._address(one, channel, number) for channel in mix}
        chosen = [("arrived", has[channel]) for channel in mix[:2]] + [("not_arrived", has[mix[0]])]
        recipients.subscribe(mother.pk, child.pk, choices=chosen)
        if "sms" in mix[:2]:
            month = {"month": MONDAY.replace(day=1), "asked_at": BEGIN, "approved_at": BEGIN}
            Grant.objects.create(school=self.school, student=child, account=mother, **month)
        if number % 5 == 0:
            builders.a_guardian(child, name="王大明", subscribed=[])
        self.families.append(one)

    def _address(self, family: Family, channel: str, number: int) -> Address:
        account = family.mother
        match channel:
            case "email":
                return Address.objects.get(account=account, channel=Channel.EMAIL)
            case "line":
                self.providers.line.users.add(user(number))
                return addresses.count_as_proven(account, user(number), channel=Channel.LINE, label="LINE", now=BEGIN)
            case "sms":
                mobile = f"+8869{number:07d}{1 if family.answers else 2}"
                return addresses.count_as_proven(account, mobile, channel=Channel.SMS, label="…", now=BEGIN)
        family.browser = self.providers.push.a_browser(str(number))
        return self._receiver(account, family.browser.subscription)

    def _receiver(self, account: Account, given: PushSubscription) -> Address:
        ours = push_keys.current(BEGIN)
        found = receivers.put_down(
            account, given, key=ours.public, label="Chrome", session_key=f"of {account.pk}", now=BEGIN
        )
        return addresses.count_as_proven(account, found.address.target, channel=Channel.PUSH, now=BEGIN)

    def play(self) -> None:
        """From before the first tap until everything is too old to be news."""
        taps = cycle(BEGIN + timedelta(minutes=minute) for minute in range(0, 40, 4))
        come = [(next(taps), one) for one in self.families if not one.is_missing]
        late = next(one for one in self.families if one.is_missing)
        come.append((at("08:31"), late))
        come.sort(key=lambda pair: pair[0])
        carried = ways()
        now = BEGIN
        while now <= END:
            self.providers.clock.played = now - BEGIN
            self.providers.fail(self.failing, now)
            while come and come[0][0] <= now:
                tapped(self.reader, come[0][1].card.uid, come.pop(0)[0])
            builders.hear(self.reader, now)
            self._work(carried, now)
            self._people(now)
            now += timedelta(minutes=2 if now < at("08:10") else 1 if now < at("08:35") else 5)
        self.providers.clock.played += timedelta(minutes=5)
        self._work(ways(), END + timedelta(minutes=5))  # a worker that does not remember who was down

    def _work(self, carried: list[Way], now: datetime) -> None:
        """Each of the worker's loops until it has nothing to do, as the worker runs them."""
        loops = [loop for way in carried for loop in (way.loop(), *way.beside)]
        loops += [
            Loop("arrivals", lambda at: arrivals.follow_taps(now=at), every_seconds=1),
            Loop("sweep", lambda at: sweep.sweep_due(now=at), every_seconds=20, repeat=False),
            Loop("ladder", lambda at: ladder.climb(rules.may_climb, now=at), every_seconds=5),
        ]
        for loop in sorted(loops, key=lambda one: one.name not in ("arrivals", "sweep", "ladder")):
            for _ in range(LOOKS_MOST):
                if not (loop.work(now) and loop.repeat):
                    break

    def _people(self, now: datetime) -> None:
        """The school looks at the list that is held, phones take what comes, and one guardian opens the page."""
        if now == at("08:15"):
            assert Sweep.objects.get(school=self.school).held_because == Sweep.Held.BRAKE
            sweep.release(self.school, by=builders.an_office(self.school), now=now)
        answering = {f"/push/{number}": one for number, one in enumerate(self.families) if one.answers and one.browser}
        for taken in self.providers.push.taken[self.said_back :]:
            if taken.path in answering:
                browser = answering[taken.path].browser
                assert browser is not None
                receivers.came(json.loads(browser.read(taken.body))["receipt"], now=now)
        self.said_back = len(self.providers.push.taken)
        self.providers.sms.deliver()


def _morning(providers: Providers, failing: str, families: int) -> Morning:
    school = builders.a_school()
    builders.a_school_day(school)
    budgets.set_budget(school, MONDAY.replace(day=1), granted=5_000, segment_price=85, monthly_fee=0, by=None)
    morning = Morning(school, builders.a_reader(school)[0], providers, failing)
    for number in range(families):
        if number % CLASS_SIZE == 0:
            place = number // CLASS_SIZE
            school_class = builders.a_class(school, grade=place % 6 + 1, number=place // 6 + 1)
        morning.family(number, school_class)
    Delivery.objects.all().delete()  # of the summer, when bonds were opened
    Notice.objects.all().delete()
    return morning


@dataclass
class Told:
    """By which channels a notice reached somebody before it was stale, and how long before that the first did."""

    channels: set[str] = field(default_factory=set)
    to_spare: timedelta = timedelta(0)


def _in_time() -> dict[Any, Told]:
    """By topic and whom it is about."""
    found: dict[Any, Told] = {}
    notices = Notice.objects.in_bulk()
    for one in Delivery.objects.filter(state__in=["sent", "delivered"]):
        notice = notices[one.notice_id]
        if one.settled_at is not None and one.settled_at <= notice.best_before:
            told = found.setdefault((notice.topic, notice.about), Told())
            told.channels.add(one.channel)
            told.to_spare = max(told.to_spare, notice.best_before - one.settled_at)
    return found


@pytest.mark.parametrize(
    ("failing", "gateway"), CITY if lengths.length().is_city else LONG if lengths.length().is_long else SHORT
)
def test_everybody_is_told_by_some_channel_and_nobody_twice(
    providers: Providers, booked: Counter[str], length: Length, counts: Counts, failing: str
) -> None:
    morning = _morning(providers, failing, FAMILIES_CITY if length.is_city else length.of(FAMILIES, FAMILIES_LONG))
    morning.play()

    told = _in_time()
    missing = [one for one in morning.families if one.is_missing]
    events = [("not_arrived" if one.is_missing else "arrived", one.child.pk) for one in morning.families]
    untold = [event for event in events if event not in told]
    got = {provider: providers.got(provider) for provider in PROVIDERS}
    twice = [(provider, *one) for provider in PROVIDERS for one, times in got[provider].items() if times > 1]
    counts.note(families=len(morning.families), events=len(events), untold=len(untold), doubled=len(twice))
    by = Counter(channel for event in events if event in told for channel in told[event].channels)
    counts.note(**{f"told by {provider}": by[provider] for provider in PROVIDERS})
    assert not untold
    assert failing not in set().union(*(one.channels for one in told.values()))
    assert failing != "sms" or providers.sms.fails_seen() == providers.sms.fails

    # Nobody twice: by what the providers got, and by the tables.
    assert not twice
    gone = Delivery.objects.filter(state__in=["sent", "delivered"])
    to_each = Counter(gone.values_list("notice_id", "account_id", "channel"))
    assert set(to_each.values()) == {1}
    by_channel = Counter(gone.values_list("channel", flat=True))
    assert {provider: got[provider].total() for provider in PROVIDERS} == {one: by_channel[one] for one in PROVIDERS}
    assert not Delivery.objects.filter(state__in=["queued", "sending"]).exists()

    # A climb ends with a sign, or somebody is on the school's list; whoever was found is on it no more.
    climbs = Climb.objects.all()
    assert climbs.count() == len(missing)
    proven = {row.about for row in climbs if row.ended_because == "delivered"}
    listed = {row.about for row in unconfirmed([one.child.pk for one in missing], MONDAY)}
    late = missing[0].child.pk
    assert proven | listed | {late} == {one.child.pk for one in missing}
    assert not proven & listed
    receipts = Delivery.objects.filter(state="delivered", notice_id__in=climbs.values("notice_id"))
    assert proven <= set(receipts.values_list("about", flat=True))

    # What takes it back reached exactly those who got it, on the channels that worked.
    first = Notice.objects.get(topic="not_arrived", about=late)
    heard = set(gone.filter(notice_id=first.pk).values_list("address_id", flat=True))
    after = set(gone.filter(about=late).exclude(notice_id=first.pk).values_list("address_id", flat=True))
    assert heard <= after
    found = Notice.objects.filter(follows=first.pk).values("pk")
    assert set(gone.filter(notice_id__in=found).values_list("address_id", flat=True)) <= heard

    # The figures: what was taken from the budgets is what the provider took, and what was given back.
    budget = Budget.objects.get()
    spent = providers.sms.segments()
    assert budget.used + budget.beyond == _held() == spent
    assert booked["booked"] == spent + booked["given back"]
    assert (spent == 0 and booked["given back"] > 0) if failing == "sms" else spent > 0
    counted = LineMonth.objects.filter(month=MONDAY.replace(day=1)).values_list("sent", flat=True).first()
    assert (counted or 0) == providers.line.used == by_channel["line"]

    rungs = Delivery.objects.filter(notice_id__in=climbs.values("notice_id")).count() - len(missing)
    counts.note(notices=Notice.objects.count(), mails=by_channel["email"], line_messages=by_channel["line"])
    counts.note(app_messages=by_channel["push"], text_messages=by_channel["sms"], rungs=rungs)
    counts.note(confirmed=len(proven), on_the_list=len(listed))
    counts.note(segments_booked=booked["booked"], given_back=booked["given back"], spent=spent)
    for topic in ("arrived", "not_arrived"):
        spare = min(told[event].to_spare for event in events if event[0] == topic)
        counts.note(**{f"minutes to spare when told, {topic}": spare // timedelta(minutes=1)})
