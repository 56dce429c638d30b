"""What a person may reach, always starting from the person. Empty is the answer to every doubt.

Roles count while they are neither ended nor past their date; a guardian's bond counts while it is verified and not
ended, for the rights it holds and no restriction cuts. Nothing here caches over a request: a restriction placed now
holds now.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.http import Http404

from gatepost.access.models import Role
from gatepost.accounts import second_factor
from gatepost.audit import entries
from gatepost.cards.models import Card
from gatepost.guardians import bonds, proofs
from gatepost.guardians.applications.models import Application
from gatepost.guardians.models import Guardianship, Restriction, Right
from gatepost.kit.questions import Question
from gatepost.roster.models import GuardianRecord, School, SchoolClass, Student

Person = Any  # an Account or Django's AnonymousUser, which has no primary key

# Everybody who works with a whole school's children, and the teacher with a class's.
SCHOOL_STAFF = ("student_affairs", "registrar", "school_administrator")
STAFF = ("teacher", *SCHOOL_STAFF)


def roles(person: Person, *names: str) -> QuerySet[Role]:
    """The roles of `person` in force now, of the given names if any."""
    if not getattr(person, "is_authenticated", False):
        return Role.objects.none()
    found = in_force().filter(account_id=person.pk)
    return found.filter(name__in=names) if names else found


def in_force() -> QuerySet[Role]:
    """Everybody's roles that count now: neither ended nor past their date."""
    return Role.objects.filter(ended_at=None).filter(Q(valid_until=None) | Q(valid_until__gt=Now()))


def needs_second_factor(person: Person) -> bool:
    """Whether a role of `person` opens nothing without a second factor."""
    return settings.SECOND_FACTOR == "required" and roles(person).exclude(name__in=Role.BY_PASSWORD_ALONE).exists()


def lacks_second_factor(person: Person, shown: int) -> bool:
    """The same, for a session in which the factor number `shown` was shown (0: none) and may since be gone."""
    return settings.SECOND_FACTOR == "required" and bool(_LACKING.rows(account=person.pk, factor=shown))


_LACKING = Question(
    lambda account, factor: (
        in_force()
        .filter(account_id=account)
        .exclude(name__in=Role.BY_PASSWORD_ALONE)
        .exclude(Exists(second_factor.standing(account, factor)))
        .values_list("pk")[:1]
    ),
    account=UUID(int=0),
    factor=-1,
)


def role_names(person: Person) -> frozenset[str]:
    """The names of all roles in force."""
    return frozenset(roles(person).values_list("name", flat=True))


def is_guardian(person: Person) -> bool:
    """Whether `person` may see at least one child."""
    return bool(getattr(person, "is_authenticated", False)) and bonds.in_force().filter(account_id=person.pk).exists()


def schools(person: Person, *names: str) -> QuerySet[School]:
    """The schools where `person` has one of the roles `names` (any staff role if none is given)."""
    held = roles(person, *(names or STAFF)).filter(school=OuterRef("pk"))
    return School.objects.filter(Exists(held)).order_by("code")


def school(person: Person, code: str, *names: str) -> School:
    """The school with `code`, if `person` has one of the roles `names` there. Raises `Http404` otherwise."""
    found = schools(person, *names).filter(code=code).first()
    if found is None:
        raise Http404("no such school for you")
    return found


def children(person: Person, right: Right = Right.SEE) -> QuerySet[Student]:
    """The children `person` is a verified guardian of and may see (or what `right` says), oldest class first."""
    if not getattr(person, "is_authenticated", False):
        return Student.objects.none()
    return _children_of(person.pk, right).select_related("school", "school_class")


def _children_of(account_id: UUID, right: Right) -> QuerySet[Student]:
    held = bonds.in_force(right).filter(account_id=account_id, student=OuterRef("pk"))
    return Student.objects.filter(Exists(held)).order_by("-grade", "name", "pk")


def children_by_name(person: Person) -> list[Student]:
    """The same children with no more than a page needs to name them and their school; the rest is loaded if asked for.

    Bonds and restrictions are asked for each time, as in `children`; only the statement is kept.
    """
    if not getattr(person, "is_authenticated", False):
        return []
    return [_child_by_name(row) for row in _BY_NAME.rows(account=person.pk)]


def _child_by_name(row: tuple[Any, ...]) -> Student:
    found: Student = Student.from_db("default", _OF_CHILD, row[:6])
    found.school = School.from_db("default", _OF_SCHOOL, row[6:9])
    found.school_class = SchoolClass.from_db("default", _OF_CLASS, row[9:11]) if row[9] is not None else None
    return found


_OF_CHILD = ("id", "school_id", "name", "grade", "school_class_id", "seat")
_OF_SCHOOL = ("id", "short_name", "timezone")
_OF_CLASS = ("id", "name")
_BY_NAME = Question(
    lambda account: _children_of(account, Right.SEE).values_list(
        *_OF_CHILD,
        *(f"school__{name}" for name in _OF_SCHOOL),
        *(f"school_class__{name}" for name in _OF_CLASS),
    ),
    account=UUID(int=0),
)


def child(person: Person, student_id: UUID, right: Right = Right.SEE) -> Student:
    """One of `person`'s own children. Raises `Http404` for anybody else's, as for one that does not exist."""
    found = children(person, right).filter(pk=student_id).first()
    if found is None:
        raise Http404("no such child for you")
    return found


def cards(person: Person, right: Right = Right.SEE) -> QuerySet[Card]:
    """The cards of the children that `person` may see (or what `right` says), the newest of each child first.

    Not what was lent for a day: that is the school's card.
    """
    held = bonds.in_force(right).filter(account_id=person.pk, student=OuterRef("student"))
    found = Card.objects.filter(Exists(held), loan_on=None).select_related("student")
    return found.order_by("-student__grade", "student__name", "student", "-issued_at")


def card(person: Person, card_id: int, right: Right = Right.SEE) -> Card:
    """A card of one of `person`'s own children. Raises `Http404` for any other, as for one that does not exist."""
    found = cards(person, right).filter(pk=card_id).first()
    if found is None:
        raise Http404("no such card of a child of yours")
    return found


def bond(person: Person, student_id: UUID) -> Guardianship:
    """`person`'s own bond that lets them be told of or see a child. Raises `Http404` for any other."""
    held = bonds.in_force(Right.SEE) | bonds.in_force(Right.TOLD)
    found = held.filter(account_id=person.pk, student_id=student_id).select_related("student").first()
    if found is None:
        raise Http404("no such bond of yours")
    return found


def own_bonds(person: Person) -> QuerySet[Guardianship]:
    """`person`'s own bonds that let them be told of or see a child, oldest class first; those cut now are not there."""
    held = bonds.in_force(Right.SEE) | bonds.in_force(Right.TOLD)
    found = held.filter(account_id=person.pk).select_related("student__school", "student__school_class")
    return found.order_by("-student__grade", "student__name", "student")


def own_record(person: Person) -> GuardianRecord | None:
    """What a school has on record of `person`: of a child they may see, under the ID number they have proven."""
    mine = bonds.in_force(Right.SEE).filter(account_id=person.pk, student=OuterRef("student"))
    known = GuardianRecord.objects.filter(Exists(mine), id_number_digest__in=proofs.digests(person.pk))
    return known.order_by("pk").first()


def claim(person: Person, application_id: UUID) -> Application:
    """`person`'s own claim of a child. Raises `Http404` for any other, as for one that does not exist."""
    mine = Application.objects.filter(account_id=person.pk).select_related("account", "claim__school")
    found = mine.filter(pk=application_id).first()
    if found is None:
        raise Http404("no such claim of yours")
    return found


def students(person: Person, at: School) -> QuerySet[Student]:
    """The students of `at` whom `person` works with: the whole school for its office, the class for its teacher."""
    held = list(roles(person, *STAFF).filter(school=at))
    found = Student.objects.filter(school=at, left_on=None).select_related("school_class")
    if not any(role.name in SCHOOL_STAFF for role in held):
        found = found.filter(school_class__in=[role.school_class_id for role in held])
    return found.order_by("grade", "school_class__number", "seat", "number")


def student(person: Person, at: School, student_id: UUID, *, looked: str) -> Student:
    """One student of `at`, with an entry in the log that the guardian can read. Raises `Http404` if not theirs.

    `looked` says at what: a code such as `day`.
    """
    found = students(person, at).filter(pk=student_id).first()
    if found is None:
        raise Http404("no such student for you")
    held = roles(person, *STAFF).filter(school=at).values_list("name", flat=True)
    role = next((name for name in reversed(STAFF) if name in set(held)), "")
    entries.record("student:looked", by=person, about=found.pk, school_code=at.code, page=looked, role=role)
    return found


def guardianships(person: Person, at: School) -> QuerySet[Guardianship]:
    """The verified bonds of the students of `at`, for its office; nothing for anybody else."""
    held = roles(person, *SCHOOL_STAFF).filter(school=OuterRef("student__school"))
    found = Guardianship.objects.filter(Exists(held), student__school=at, verified_at__isnull=False, ended_at=None)
    return found.select_related("account", "student__school_class")


def readers(person: Person, at: School, student_ids: Iterable[UUID]) -> QuerySet[Guardianship]:
    """The bonds by which guardians see those of these students with whom `person` works: who reads what is written.

    Nobody whom a restriction cuts off, for any member of the staff to see.
    """
    mine = students(person, at).order_by().filter(pk__in=list(student_ids)).values("pk")
    return bonds.in_force(Right.SEE).filter(student__in=mine).select_related("account")


def restrictions(person: Person, at: School) -> QuerySet[Restriction]:
    """The restrictions in force for students of `at`, for its office, newest first; nothing for anybody else."""
    held = roles(person, *SCHOOL_STAFF).filter(school=OuterRef("student__school"))
    found = Restriction.objects.in_force().filter(Exists(held), student__school=at)
    return found.select_related("account", "student__school_class").order_by("-placed_at", "-pk")


def classes(person: Person, at: School) -> QuerySet[SchoolClass]:
    """The classes of `at` that hold students `person` works with."""
    mine = students(person, at).filter(school_class=OuterRef("pk")).order_by()
    return SchoolClass.objects.filter(Exists(mine)).order_by("grade", "number")


def sees_whole_school(person: Person, at: School) -> bool:
    """Whether `person` works with every student of `at`, not just a class."""
    return roles(person, *SCHOOL_STAFF).filter(school=at).exists()


def only_mine(person: Person, at: School, student_ids: Iterable[UUID]) -> set[UUID]:
    """Those of `student_ids` whom `person` works with."""
    return set(students(person, at).order_by().filter(pk__in=list(student_ids)).values_list("pk", flat=True))
