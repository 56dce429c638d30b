"""Promise 7, for any sequence: who is unverified, or restricted now, is told no name and shown none."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.access import queries
from gatepost.accounts.models import Account
from gatepost.guardians import bonds, proofs, restrictions
from gatepost.guardians.applications import claims, family
from gatepost.guardians.applications.claims import Named
from gatepost.guardians.applications.models import Desk
from gatepost.guardians.models import Guardianship, Restriction, Right
from gatepost.guardians.restrictions import Person
from gatepost.kit.clock import utc_now
from gatepost.notify import recipients, sender
from gatepost.notify.models import Address, Delivery, Notice
from gatepost.notify.notices import Post, post
from gatepost.roster import identity_numbers
from gatepost.roster.imports import run
from gatepost.roster.imports.plan import Request
from gatepost.roster.models import GuardianRecord, Student
from tests import builders

pytestmark = pytest.mark.django_db

NUMBERS = [identity_numbers.invented(serial) for serial in (1, 2)]
CHILD_NUMBER = identity_numbers.invented(7)
BIRTHDAY = date(2018, 3, 15)
ACTS = (
    "bond",
    "ask",
    "claim",
    "restrict",
    "restrict person",
    "restrict a part",
    "lift",
    "end",
    "import",
    "notice",
    "replay",
    "send",
)
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 1)), max_size=14)


class Carrier:
    """Takes everything, and looks at each message whether it may leave at this very moment."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def carry(self, deliveries: Any, *, now: Any) -> list[sender.Outcome]:
        for one in deliveries:
            assert one.account_id in self.world.may_be_told(), "a name left for somebody who may not hear it"
        return [sender.Outcome() for _ in deliveries]


class World:
    """A child and two people: the rules written down a second time, without the code that keeps them."""

    def __init__(self) -> None:
        self.child = builders.a_student(builders.a_class(builders.a_school()))
        self.child.birthday = BIRTHDAY
        self.child.seal_id_number(CHILD_NUMBER, site.KEY_RING)
        self.child.save()
        Desk.objects.create(school=self.child.school)
        for nth, number in enumerate(NUMBERS, start=1):
            record = GuardianRecord(student=self.child, position=nth, name=f"人{nth}")
            record.seal_id_number(number, site.KEY_RING)
            record.save()
        self.people = [builders.an_account(name=f"人{nth}") for nth in (1, 2)]
        for account in self.people:
            builders.an_address(account)
        self.bound: set[int] = set()
        self.taken_out: set[int] = set()
        self.cuts: dict[int, tuple[int, bool]] = {}  # restriction: who, everything
        self.count = 0

    def may_be_told(self) -> set[Any]:
        cut = {who for who, everything in self.cuts.values() if everything}
        return {self.people[who].pk for who in self.bound - cut}

    def do(self, act: str, who: int, folder: Path) -> None:
        getattr(self, act.replace(" ", "_"))(who) if act != "import" else self.take_over(folder)

    def bond(self, who: int) -> None:
        known = digest(NUMBERS[who])
        try:
            bonds.open_bond(
                self.people[who], self.child, relation="父", source="t", by=None, now=utc_now(), person_digest=known
            )
        except bonds.BondRefused:
            assert who in {one for one, _everything in self.cuts.values()}
        else:
            self.bound.add(who)
            self.choose(who)

    def claim(self, who: int) -> None:
        """They add the child themselves, with a proven number that is in the record."""
        account = self.people[who]
        proofs.keep(account, digest(NUMBERS[who]), how="review", by=None, now=utc_now())
        what = Named(self.child.school, self.child.number, self.child.name, CHILD_NUMBER, BIRTHDAY)
        try:
            application = claims.begin(
                account, what, address="192.0.2.1", language="zh-hant", ring=site.KEY_RING, now=utc_now()
            )
        except claims.ClaimRefused:  # bound already, asked for already, or too often
            return
        if claims.bind_at_once(application, now=utc_now()):
            assert not self.cuts, "where anything is restricted the school decides"
            assert who not in self.taken_out, "nobody walks back in alone"
            self.bound.add(who)
            self.choose(who)
        else:
            family.withdraw(application, now=utc_now())

    def ask(self, who: int) -> None:
        if not Guardianship.objects.filter(account=self.people[who], student=self.child, ended_at=None).exists():
            Guardianship.objects.create(account=self.people[who], student=self.child, source="asked")

    def restrict(self, who: int) -> None:
        row = restrictions.restrict(self.people[who].pk, self.child, by=None, now=utc_now())
        self.cuts[row.pk] = (who, True)

    def restrict_person(self, who: int) -> None:
        person = Person("某人", NUMBERS[who])
        row = restrictions.restrict(None, self.child, person=person, by=None, now=utc_now())
        self.cuts[row.pk] = (who, True)

    def restrict_a_part(self, who: int) -> None:
        row = restrictions.restrict(self.people[who].pk, self.child, rights=[Right.PAY], by=None, now=utc_now())
        self.cuts[row.pk] = (who, False)

    def lift(self, who: int) -> None:
        for key in [key for key, (one, _everything) in self.cuts.items() if one == who]:
            restrictions.lift(Restriction.objects.get(pk=key), by=None, now=utc_now())
            del self.cuts[key]

    def end(self, who: int) -> None:
        for bond in Guardianship.objects.filter(account=self.people[who], ended_at=None):
            bonds.end_bond(bond, by=None, now=utc_now())
            self.taken_out.add(who)
        self.bound.discard(who)

    def notice(self, _who: int) -> None:
        for who in self.bound:
            self.choose(who)
        self.count += 1
        self.replay(_who)

    def replay(self, _who: int) -> None:
        now = utc_now()
        key = f"arrived:{self.count}"
        post([Post(key, "arrived", self.child.pk, now.date(), {}, now + timedelta(hours=1))], now=now)

    def send(self, _who: int) -> None:
        sender.send_due("email", Carrier(self), now=utc_now())

    def take_over(self, folder: Path) -> None:
        """The school hands in its roster again: the child, with both people as guardians."""
        sheet = folder / "roster.csv"
        lines = ["學號,姓名,班級,座號", f"{self.child.number},{self.child.name},2年01班,{self.child.seat}"]
        sheet.write_text("\n".join(lines) + "\n", encoding="utf-8")
        run.take_over(Request(path=sheet, now=utc_now(), school=self.child.school))
        for nth, account in enumerate(self.people, start=1):
            GuardianRecord.objects.update_or_create(student=self.child, position=nth, defaults={"name": account.name})

    def choose(self, who: int) -> None:
        address = Address.objects.get(account=self.people[who])
        try:
            recipients.subscribe(self.people[who].pk, self.child.pk, choices=[("arrived", address)])
        except recipients.SubscriptionRefused:
            assert self.people[who].pk not in self.may_be_told()

    def look(self) -> None:
        """What each person sees, and what waits for them, is what they may."""
        told = self.may_be_told()
        seen = {account.pk for account in self.people if queries.children(account).exists()}
        assert seen == told  # these restrictions cut both or neither
        waiting = set(Delivery.objects.filter(state="queued").values_list("account_id", flat=True))
        assert waiting <= told


def digest(number: str) -> bytes:
    found: bytes = site.KEY_RING.digest(number)
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_sequence_lets_somebody_restricted_or_unverified_hear_a_name(
    steps: list[tuple[str, int]], tmp_path: Path
) -> None:
    Student.objects.update(left_on=date(2026, 8, 1))  # the child of the example before
    for model in (Delivery, Notice, Restriction, Guardianship):
        model.objects.all().delete()
    world = World()
    for act, who in steps:
        world.do(act, who, tmp_path)
        world.look()
    world.send(0)
    assert Student.objects.filter(pk=world.child.pk).exists()
    assert Account.objects.filter(pk__in=[one.pk for one in world.people]).count() == 2
