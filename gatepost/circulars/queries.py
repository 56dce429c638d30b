from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from gatepost.access import queries as access
from gatepost.access.queries import Person
from gatepost.accounts.models import Account
from gatepost.circulars import receipts
from gatepost.circulars.models import Addressee, Circular, Receipt
from gatepost.guardians.models import Guardianship, Right
from gatepost.roster.models import School, Student


def to_family(person: Person, kind: Circular.Kind) -> QuerySet[Addressee]:
    """What `person` was written as a guardian, by child, newest first; nothing of a child they may not see."""
    mine = access.children(person).order_by().values("pk")
    found = Addressee.objects.filter(student__in=mine, wording__isnull=False, circular__kind=kind)
    return found.select_related(
        "circular__school", "circular__by", "student__school", "student__school_class"
    ).order_by("-circular", "pk")


def current(found: QuerySet[Addressee], today: date) -> QuerySet[Addressee]:
    """Those of `found` that are current: neither past nor ended by the school."""
    return found.filter(circular__until__gte=today, circular__stopped_at=None)


def receipts_of(account: Account, addressees: Collection[Addressee]) -> dict[int, Receipt]:
    """The receipts of `account`, by addressee."""
    mine = Receipt.objects.filter(account=account, addressee__in=[one.pk for one in addressees])
    return {receipt.addressee_id: receipt for receipt in mine}


def may_sign(person: Person, addressee: Addressee) -> bool:
    """Whether `person` may sign for the child."""
    return access.children(person, Right.SIGN).filter(pk=addressee.student_id).exists()


def of_school(person: Person, at: School, kind: Circular.Kind) -> QuerySet[Circular]:
    """What was written to families of `at` with whose children `person` works, newest first."""
    found = Circular.objects.filter(school=at, kind=kind).select_related("by", "school")
    if not access.sees_whole_school(person, at):
        mine = Addressee.objects.filter(circular=OuterRef("pk"), student__in=_mine(person, at))
        found = found.filter(Exists(mine))
    return found.order_by("-written_at", "-pk")


def may_change(person: Person, circular: Circular) -> bool:
    """Whether `person` may stop or correct it: who wrote it, while they work there, and the office."""
    at = circular.school
    if access.sees_whole_school(person, at):
        return True
    return bool(circular.by_id == person.pk and access.schools(person).filter(pk=at.pk).exists())


@dataclass(frozen=True, slots=True)
class Progress:
    """How many children it is addressed to, and of how many home was told its newest wording; `waiting` are to come."""

    children: int
    told: int
    waiting: int


def progress(circular: Circular) -> Progress:
    """How far it has come."""
    counted = circular.addressees.aggregate(
        told=Count("pk", filter=Q(due_at=None, wording__isnull=False)), waiting=Count("due_at")
    )
    return Progress(circular.children, counted["told"], counted["waiting"])


def answered_counts(person: Person, at: School, circulars: Collection[Circular]) -> dict[int, tuple[int, int]]:
    """For how many of the children with whom `person` works somebody answered, and out of how many; by circular."""
    found: dict[int, tuple[int, int]] = {}
    for asks in (True, False):
        ids = [one.pk for one in circulars if one.asks_receipt is asks]
        if not ids:
            continue
        said = receipts.counting().filter(addressee=OuterRef("pk"))
        answered = Exists(said.filter(signed_at__isnull=False) if asks else said)
        rows = Addressee.objects.filter(circular__in=ids, student__in=_mine(person, at))
        counted = rows.values_list("circular").annotate(some=Count("pk", filter=answered), every=Count("pk")).order_by()
        found |= {pk: (some, every) for pk, some, every in counted}
    return found


@dataclass(frozen=True, slots=True)
class Reader:
    """A guardian of an addressed child who may see it now, and their receipt if there is one."""

    name: str
    relation: str
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Answers:
    """A child it is addressed to, and each guardian; `answered` where one of them did what is asked for."""

    student: Student
    readers: list[Reader]
    answered: bool


def answers(person: Person, circular: Circular) -> list[Answers]:
    """The addressed children with whom `person` works, by class and seat, each with its guardians."""
    rows = circular.addressees.filter(student__in=_mine(person, circular.school))
    order = (F("student__grade"), F("student__school_class__number"), F("student__seat"), F("student__number"))
    addressed = list(rows.select_related("student__school_class").order_by(*order))
    said = Receipt.objects.filter(addressee__in=[one.pk for one in addressed])
    receipt = {(one.addressee_id, one.account_id): one for one in said}
    readers: dict[UUID, list[Guardianship]] = {}
    for bond in access.readers(person, circular.school, [one.student_id for one in addressed]).order_by("pk"):
        readers.setdefault(bond.student_id, []).append(bond)
    return [_answers(circular, one, readers.get(one.student_id, []), receipt) for one in addressed]


def _answers(
    circular: Circular, one: Addressee, bonds: list[Guardianship], receipt: dict[tuple[int, UUID], Receipt]
) -> Answers:
    readers = [
        Reader(bond.account.get_full_name(), bond.relation, receipt.get((one.pk, bond.account_id))) for bond in bonds
    ]
    done = any(reader.receipt and (reader.receipt.signed_at or not circular.asks_receipt) for reader in readers)
    return Answers(one.student, readers, done)


def _mine(person: Person, at: School) -> QuerySet[Student]:
    return access.students(person, at).order_by().values("pk")  # type: ignore[return-value]
