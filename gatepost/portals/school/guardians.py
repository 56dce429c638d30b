"""Who is bound to a child, and what a school may do about it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.guardians import bonds, restrictions
from gatepost.guardians.applications import invitations
from gatepost.guardians.applications.family_access import FamilyAccess
from gatepost.guardians.models import Guardianship, Restriction
from gatepost.kit.clock import local_date
from gatepost.portals import words
from gatepost.portals.frame import REVIEWS, class_and_seat, page, school_frame
from gatepost.portals.moment import now_of
from gatepost.portals.rights import relation_in_words, rights_in_words
from gatepost.portals.school import letters
from gatepost.roster.models import School, Student

NEW_FOR = timedelta(days=30)
SHOWN_MOST = 200


@open_to(*queries.SCHOOL_STAFF)
@require_safe
def overview(request: HttpRequest, code: str) -> HttpResponse:
    """The school's restrictions in force, and the bonds of the last month."""
    school, now = queries.school(request.user, code, *queries.SCHOOL_STAFF), now_of(request)
    cuts = queries.restrictions(request.user, school)[:SHOWN_MOST]
    opened = queries.guardianships(request.user, school).filter(verified_at__gt=now - NEW_FOR)
    columns = (_("Student"), _("Who"), _("What is cut"), _("Until"), _("Document"))
    return page(
        request,
        "school/guardians.html",
        school_frame(request, school, current="guardians"),
        columns=[{"label": label} for label in columns],
        rows=[_restriction_row(school, one) for one in cuts],
        bonds=[_new_bond(school, one) for one in opened.order_by("-verified_at", "-pk")[:SHOWN_MOST]],
        find_url=reverse("school-students", args=[code]),
        letters_url=reverse("school-letters", args=[code]),
    )


@open_to(*queries.SCHOOL_STAFF)
@require_safe
def of_student(request: HttpRequest, code: str, student_id: UUID) -> HttpResponse:
    """A student's guardians and restrictions. The look is in the log that the guardians can read."""
    school = queries.school(request.user, code, *queries.SCHOOL_STAFF)
    student = queries.student(request.user, school, student_id, looked="guardians")
    student.school = school
    frame = school_frame(request, school, current="students")
    reviews = bool(frame["roles_here"] & set(REVIEWS))
    return page(
        request,
        "school/student_guardians.html",
        frame,
        title=_("Guardians of {student}").format(student=student.name),
        meta=[class_and_seat(student), student.number],
        people=[_guardian(school, bond, may_change=reviews) for bond in standing(student)],
        restrictions=[_restriction_card(school, one) for one in restrictions.on(student).select_related("account")],
        new_url=reverse("school-restriction-new", args=[code, student.pk]),
        access=_access(school, student, now_of(request), may_reset=reviews),
        crumbs=crumbs(school, student),
    )


@open_to(*queries.SCHOOL_STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, code: str, student_id: UUID, bond_id: int) -> HttpResponse:
    """The school ends a bond, after a confirmation."""
    school, now = queries.school(request.user, code, *queries.SCHOOL_STAFF), now_of(request)
    student = queries.student(request.user, school, student_id, looked="guardians")
    student.school = school
    bond = standing(student).filter(pk=bond_id).first()
    if bond is None:
        raise Http404("no such bond")
    back_url = reverse("school-guardians", args=[code, student_id])
    if request.method == "POST":
        bonds.end_bond(bond, by=request.user, now=now, because="school")
        messages.success(request, _("The bond is ended."))
        return redirect(back_url)
    return page(
        request,
        "portals/confirm_plainly.html",
        school_frame(request, school, current="students"),
        title=_("End the bond of {guardian} with {student}?").format(
            guardian=bond.account.get_full_name(), student=student.name
        ),
        facts=[
            _("From now on they see nothing of this child and get no message. What waits to be sent is dropped."),
            _("Their account stays, with their other children."),
            _("To be bound again they apply again. If an order of a court is why, place a restriction instead."),
        ],
        button=_("End the bond"),
        back_url=back_url,
        crumbs=crumbs(school, student),
    )


def standing(student: Student) -> Any:
    """The verified bonds to a child that have not ended, whatever restricts them."""
    found = Guardianship.objects.filter(student=student, ended_at=None, verified_at__isnull=False)
    return found.select_related("account").order_by("pk")


def crumbs(school: School, student: Student, *, deep: bool = False) -> list[dict[str, str]]:
    """The way to a student's guardians; `deep`: from a page below them."""
    way = [
        {"label": _("Students"), "url": reverse("school-students", args=[school.code])},
        {"label": student.name, "url": reverse("school-student-today", args=[school.code, student.pk])},
    ]
    if deep:
        way.append({"label": _("Guardians"), "url": reverse("school-guardians", args=[school.code, student.pk])})
    return way


def whom(restriction: Restriction) -> str:
    """Whom a restriction is on."""
    if restriction.account is not None:
        return restriction.account.get_full_name()
    return f"{restriction.person_name} {restriction.person_masked}".strip()


def until_in_words(school: School, restriction: Restriction) -> str:
    """The last day it holds."""
    if restriction.until is None:
        return _("Until it is lifted")
    return words.staff_date(local_date(restriction.until - timedelta(seconds=1), school.timezone))


def _guardian(school: School, bond: Guardianship, *, may_change: bool) -> dict[str, Any]:
    cut = restrictions.on(bond.student).filter(
        Q(account=bond.account) | Q(person_digest__isnull=False, person_digest=bond.person_digest)
    )
    acts = [(_("Change the rights"), "school-bond-rights"), (_("End the bond"), "school-bond-end")]
    if may_change and bond.person_digest is not None:
        acts.insert(0, (_("ID number changed"), "school-bond-number"))
    quiet = {"kind": "quiet", "about": bond.account.get_full_name()}
    return {
        "name": bond.account.get_full_name(),
        "detail": relation_in_words(bond),
        "state": "held" if cut.exists() else "delivered",
        "word": _("Restricted") if cut.exists() else _("Bound"),
        "facts": [
            {"label": _("Rights"), "value": rights_in_words(bond.rights)},
            {"label": _("Since"), "value": words.staff_date(local_date(bond.verified_at, school.timezone))},  # type: ignore[arg-type]
        ],
        "actions": [
            {"label": label, "url": reverse(name, args=[school.code, bond.student_id, bond.pk]), **quiet}
            for label, name in acts
        ],
    }


def _access(school: School, student: Student, now: datetime, *, may_reset: bool) -> dict[str, Any]:
    """How the family comes in to apply, for the page of its guardians: its password, or a letter or the ID number."""
    access = FamilyAccess.objects.filter(student=student).first()
    letter = invitations.newest([student.pk]).get(student.pk)
    state = letters.state_of(letter, school, now)["text"] if letter else ""
    told = {"letter": " · ".join((_("Letter"), state, letters.printed(letter, school))) if letter else ""}
    if access is None:
        print_url = f"{reverse('school-letters-print', args=[school.code])}?student={student.pk}"
        text = _("No password set. The student number and the whole ID number open, once; or a letter.")
        return told | {"text": text, "print_url": print_url}
    day = words.staff_date(local_date(access.set_at, school.timezone))
    text = (
        _("Own password, set on {day}.")
        if access.invitation_id is None
        else _("Own password, set with a letter on {day}.")
    )
    url = reverse("school-family-access", args=[school.code, student.pk]) if may_reset else ""
    return told | {"text": text.format(day=day), "url": url}


def _restriction_card(school: School, one: Restriction) -> dict[str, Any]:
    return {
        "name": whom(one),
        "state": "held",
        "word": rights_in_words(one.rights),
        "facts": [
            {"label": _("Until"), "value": until_in_words(school, one)},
            {"label": _("Document"), "value": one.document or "–"},
            {"label": _("Since"), "value": words.staff_date(local_date(one.placed_at, school.timezone))},
        ],
        "actions": [
            {
                "label": _("Lift it"),
                "url": reverse("school-restriction-lift", args=[school.code, one.pk]),
                "kind": "quiet",
                "about": whom(one),
            }
        ],
    }


def _restriction_row(school: School, one: Restriction) -> dict[str, Any]:
    url = reverse("school-guardians", args=[school.code, one.student_id])
    return {
        "cells": [
            {"text": one.student.name, "url": url, "detail": class_and_seat(one.student)},
            {"text": whom(one), "label": _("Who")},
            {"text": rights_in_words(one.rights), "label": _("What is cut")},
            {"text": until_in_words(school, one), "label": _("Until")},
            {"text": one.document or "–", "label": _("Document")},
        ]
    }


def _new_bond(school: School, bond: Guardianship) -> dict[str, Any]:
    day = local_date(bond.verified_at, school.timezone)  # type: ignore[arg-type] # verified
    return {
        "text": f"{bond.student.name} {class_and_seat(bond.student)}",
        "note": " ".join(part for part in (bond.account.get_full_name(), relation_in_words(bond)) if part),
        "time": f"{day:%m/%d}",
        "url": reverse("school-guardians", args=[school.code, bond.student_id]),
    }
