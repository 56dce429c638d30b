"""What a person may reach, always starting from the person. Empty is the answer to every doubt.

Roles count while they are neither ended nor past their date; a guardian's bond counts while it is verified, not
ended and not restricted. Nothing here caches over a request: a restriction placed now holds now.
"""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.http import Http404

from gatepost.access.models import Role
from gatepost.audit import entries
from gatepost.guardians import bonds
from gatepost.roster.models import School, SchoolClass, Student

Person = Any  # an Account or Django's AnonymousUser, which has no primary key

# Everybody who works with a whole school's children, and the teacher with a class's.
SCHOOL_STAFF = ("student_affairs", "registrar", "school_administrator")
STAFF = ("teacher", *SCHOOL_STAFF)


def roles(person: Person, *names: str) -> QuerySet[Role]:
    """The roles of `person` in force now, of the given names if any."""
    if not getattr(person, "is_authenticated", False):
        return Role.objects.none()
    found = Role.objects.filter(account_id=person.pk, ended_at=None)
    found = found.filter(Q(valid_until=None) | Q(valid_until__gt=Now()))
    return found.filter(name__in=names) if names else found


def role_names(person: Person) -> frozenset[str]:
    """The names of all roles in force."""
    return frozenset(roles(person).values_list("name", flat=True))


def is_guardian(person: Person) -> bool:
    """Whether `person` has at least one bond in force."""
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


def children(person: Person) -> QuerySet[Student]:
    """The children `person` is a verified, unrestricted guardian of, oldest class first."""
    if not getattr(person, "is_authenticated", False):
        return Student.objects.none()
    held = bonds.in_force().filter(account_id=person.pk, student=OuterRef("pk"))
    return (
        Student.objects.filter(Exists(held)).select_related("school", "school_class").order_by("-grade", "name", "pk")
    )


def child(person: Person, student_id: UUID) -> Student:
    """One of `person`'s own children. Raises `Http404` for anybody else's, as for one that does not exist."""
    found = children(person).filter(pk=student_id).first()
    if found is None:
        raise Http404("no such child for you")
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
    entries.record("student:looked", by=person, about=found.pk, school_code=at.code, page=looked)
    return found


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
