"""What stands around a page: the bar with place and navigation, who is signed in, the foot."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from gatepost.access import queries
from gatepost.access.models import Role
from gatepost.accounts.models import Account
from gatepost.portals.navigation import Entry
from gatepost.portals.words import ROLES, listed
from gatepost.roster.models import School, Student

Frame = dict[str, Any]

# What stands in the bar of a phone, if there is room; of families, a school, the bureau, the operator.
OFTEN = {
    *("family", "attendance", "announcements", "settings"),
    *("today", "students", "entries"),
    *("closures", "health"),
}

# Who may decide about readers and held messages; a teacher works with one class.
REVIEWS = (Role.Name.REGISTRAR, Role.Name.SCHOOL_ADMINISTRATOR)  # applications of families
MANAGES = (Role.Name.STUDENT_AFFAIRS, Role.Name.SCHOOL_ADMINISTRATOR)


def page(request: HttpRequest, template: str, frame: Frame, *, status: int = 200, **context: Any) -> HttpResponse:
    """`template` in its frame. What is shown to somebody signed in stays in no cache, not even the browser's."""
    response = render(request, template, {**frame, **context}, status=status)
    if request.user.is_authenticated:
        response["Cache-Control"] = "no-store"
    return response


def signed_in(request: HttpRequest) -> Account:
    """The person asking. For views whose rule asks for a sign-in."""
    assert isinstance(request.user, Account)  # noqa: S101 - the door let nobody else in
    return request.user


def public_frame(request: HttpRequest) -> Frame:
    """Pages anyone may see."""
    if isinstance(request.user, Account):
        return {"person": _person(request.user)}
    return {"sign_in_url": reverse("account_login")}


def family_frame(request: HttpRequest, *, current: str = "", child: Student | None = None) -> Frame:
    """A family's pages; with `child` the bar names the child in view.

    In the order of the city's portal. A page to come has its line in its place: attendance, cards, announcements,
    reports, text messages, messages, services, settings.
    """
    nav = _family_nav(current, get_language() or "", with_sms="sms" in settings.CHANNELS)
    frame: Frame = {"nav": nav, "person": _person(signed_in(request))}
    if child is not None:
        frame["place"] = {"name": child.name, "detail": child_detail(child), "url": reverse("family")}
    return frame


# Every family has the same bar; a page of theirs would spend a tenth of its time on finding its words and addresses.
@lru_cache(maxsize=256)
def _family_nav(current: str, _language: str, *, with_sms: bool) -> tuple[Entry, ...]:
    nav = [
        ("family", _("Home"), reverse("family")),
        ("attendance", _("Attendance"), reverse("family-attendance")),
        ("cards", _("Cards"), reverse("family-cards")),
        ("announcements", _("Announcements"), reverse("announcements")),
        ("notices", _("Class notices"), reverse("family-notices")),
        ("messages", pgettext("from schools", "Messages"), reverse("family-messages")),
        ("reports", _("Reports"), reverse("family-reports")),
        *([("sms", _("Text messages"), reverse("family-sms"))] if with_sms else []),
        ("services", _("Services"), reverse("family-services")),
        ("survey", _("Survey"), reverse("family-survey")),
        ("settings", _("Settings"), reverse("family-settings")),
    ]
    return _nav(nav, current)


def school_frame(request: HttpRequest, school: School, *, current: str = "") -> Frame:
    """A school's pages: the navigation holds what the person's roles there open."""
    held = set(queries.roles(request.user, *queries.STAFF).filter(school=school).values_list("name", flat=True))
    nav = [
        ("today", _("Today"), reverse("school-today", args=[school.code])),
        ("students", _("Students"), reverse("school-students", args=[school.code])),
        ("entries", _("Manual entry"), reverse("school-entry", args=[school.code])),
        ("calendar", _("Calendar"), reverse("school-calendar", args=[school.code])),
        ("school-notices", _("Class notices"), reverse("school-notices", args=[school.code])),
        ("reports", _("Reports"), reverse("school-reports", args=[school.code])),
    ]
    if held & set(queries.SCHOOL_STAFF):
        nav += [
            ("announcements", _("Announcements"), reverse("school-announcements", args=[school.code])),
            ("guardians", _("Guardians"), reverse("school-bonds", args=[school.code])),
        ]
    if held & set(REVIEWS):
        nav += [("applications", _("Applications"), reverse("school-applications", args=[school.code]))]
    if held & set(MANAGES):
        nav += [
            ("readers", _("Readers"), reverse("school-readers", args=[school.code])),
            ("school-messages", _("Messages to families"), reverse("school-messages", args=[school.code])),
            ("deliveries", _("Not reached"), reverse("school-deliveries", args=[school.code])),
        ]
        if "sms" in settings.CHANNELS:
            nav += [("sms", _("Text messages"), reverse("school-sms", args=[school.code]))]
    if Role.Name.SCHOOL_ADMINISTRATOR in held:
        nav += [("people", _("People and roles"), reverse("school-people", args=[school.code]))]
    detail = listed(str(ROLES[name]) for name in ROLES if name in held)
    return {
        "place": {"name": school.short_name, "url": reverse("school-today", args=[school.code])},
        "nav": _nav(nav, current),
        "person": _person(signed_in(request), detail),
        "roles_here": held,
    }


def bureau_frame(request: HttpRequest, *, current: str = "") -> Frame:
    """The bureau's pages."""
    nav = [
        ("today", _("The city today"), reverse("bureau-today")),
        ("announcements", _("Announcements"), reverse("bureau-announcements")),
        ("closures", _("Close a day"), reverse("bureau-closure")),
        ("services", _("Services"), reverse("bureau-services")),
        ("survey", _("Survey"), reverse("bureau-survey")),
        ("people", _("People and roles"), reverse("bureau-people")),
    ]
    return {
        "place": {"name": _("Education bureau"), "url": reverse("bureau-today")},
        "nav": _nav(nav, current),
        "person": _person(signed_in(request), str(ROLES["bureau_officer"])),
    }


def operator_frame(request: HttpRequest, *, current: str = "") -> Frame:
    """The operator's pages."""
    nav = [
        ("health", _("System health"), reverse("operator-health")),
        ("survey", _("Survey"), reverse("bureau-survey")),
        ("people", _("People and roles"), reverse("operator-people")),
        ("admin", _("Tables"), reverse("admin:index")),
    ]
    return {
        "place": {"name": _("Platform"), "url": reverse("operator-health")},
        "nav": _nav(nav, current),
        "person": _person(signed_in(request), str(ROLES["operator"])),
    }


def child_detail(child: Student) -> str:
    """雙園國小 2年01班 12號."""
    return " ".join(part for part in (child.school.short_name, class_and_seat(child)) if part)


def class_and_seat(student: Student) -> str:
    """2年01班 12號; less where less is known."""
    school_class = student.school_class.name if student.school_class else ""
    seat = _("No. {seat}").format(seat=student.seat) if student.seat else ""
    return " ".join(part for part in (school_class, seat) if part)


def _person(account: Account, detail: str = "") -> dict[str, Any]:
    return {"name": account.get_full_name(), "detail": detail, "links": _own_links(get_language() or "")}


@lru_cache(maxsize=16)
def _own_links(_language: str) -> tuple[dict[str, str], ...]:
    return (
        {"label": _("My start page"), "url": reverse("home")},
        {"label": _("My family"), "url": reverse("family")},
        {"label": _("Email to sign in with"), "url": reverse("own-email")},
        {"label": _("Ways to sign in"), "url": reverse("own-ways")},
        {"label": _("Where you are signed in"), "url": reverse("devices")},
        {"label": _("Take my data"), "url": reverse("own-data")},
        {"label": _("Close my account"), "url": reverse("own-closing")},
    )


def _nav(items: list[tuple[str, str, str]], current: str) -> tuple[Entry, ...]:
    """A bar shows as many as fit and puts the rest behind "More"; a phone begins with `OFTEN`."""
    return tuple(Entry(label, url, current=key == current, often=key in OFTEN) for key, label, url in items)
