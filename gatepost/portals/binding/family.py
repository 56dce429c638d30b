"""Who is applying: the family that signed in with its student's number, kept in the session for two hours."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from gatepost.guardians.applications import entrance
from gatepost.guardians.applications.models import Application
from gatepost.portals.frame import Frame, public_frame
from gatepost.portals.moment import now_of
from gatepost.roster.models import Student

KEY = "applying"
GOOD_FOR = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Family:
    """The family at the other end. `is_first`: by ID number or letter, so only setting a password is open to it."""

    student: Student
    is_first: bool
    application: Application | None  # the newest one
    invitation: UUID | None  # the letter by which it came in, now or when it set its password


View = Callable[[HttpRequest, Family], HttpResponse]


def enter(request: HttpRequest, entered: entrance.Entered) -> None:
    """Remember who came in, under a new session key."""
    request.session.cycle_key()
    stamp = str(entered.stamp) if entered.stamp else ""
    letter = str(entered.invitation) if entered.invitation else ""
    at = now_of(request).isoformat()
    request.session[KEY] = {"student": str(entered.student.pk), "stamp": stamp, "letter": letter, "at": at}


def forget(request: HttpRequest) -> None:
    """Nobody is applying in this browser any more."""
    request.session.pop(KEY, None)


def applying(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Hand the view its `Family`; whoever is not in (any more) is asked to sign in."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        family = _family(request)
        if family is None:
            if KEY in request.session:
                forget(request)
                messages.info(request, _("Please sign in again. What you saved is still there."))
            return redirect("binding-schools")
        if family.is_first:
            return redirect("binding-password")
        return view(request, family, *args, **kwargs)

    return guarded


def first_family(request: HttpRequest) -> Family | None:
    """The family that has to set its password now, or None."""
    family = _family(request)
    return family if family and family.is_first else None


def frame(request: HttpRequest, family: Family | None = None) -> Frame:
    """Around these pages: the school and the child in view, and no sign-in to an account."""
    around = public_frame(request) | {"sign_in_url": ""}
    if family:
        around["place"] = {"name": family.student.school.short_name, "url": reverse("binding-status")}
    return around


def language() -> str:
    """The language in force, as accounts and letters name it."""
    return translation.get_language() or "zh-hant"


def _family(request: HttpRequest) -> Family | None:
    kept = request.session.get(KEY)
    if not isinstance(kept, dict):
        return None
    if now_of(request) > datetime.fromisoformat(kept["at"]) + GOOD_FOR:
        return None
    letter = UUID(kept["letter"]) if kept.get("letter") else None
    student = entrance.still_in(UUID(kept["student"]), kept["stamp"], letter=letter, now=now_of(request))
    if student is None:
        return None
    newest = Application.objects.filter(student=student, account=None).order_by("-opened_at").first()
    if kept["stamp"]:
        letter = student.family_access.invitation_id
    return Family(student, is_first=not kept["stamp"], application=newest, invitation=letter)
