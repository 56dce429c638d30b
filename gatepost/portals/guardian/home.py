from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts.models import Account
from gatepost.announcements import queries as announcements
from gatepost.attendance.daylines import DayLine, Known, known
from gatepost.attendance.notices import NOT_ARRIVED
from gatepost.guardians.applications import claims
from gatepost.kit.clock import local_date
from gatepost.notify import push_keys, reach
from gatepost.notify.queries import Told, told_each
from gatepost.portals import words
from gatepost.portals.app.kept import KEPT_SECONDS, mark
from gatepost.portals.claiming import child
from gatepost.portals.frame import child_detail, family_frame, page, signed_in
from gatepost.portals.guardian.signs import looked
from gatepost.portals.moment import now_of
from gatepost.portals.public import news
from gatepost.roster.models import Student

NEWS_SHOWN = 5


# Open to everybody signed in: a parent whose child is not bound yet is told what to do, not turned away.
@open_to(SIGNED_IN)
@require_safe
def family(request: HttpRequest) -> HttpResponse:
    """Each child's line for today and the week behind it, then the news."""
    now = now_of(request)
    children = queries.children_by_name(request.user)
    facts = known(children, now=now)
    schools = {child.school_id: child.school for child in children}.values()
    shown = page(
        request,
        "guardian/home.html",
        family_frame(request, current="family"),
        children=_children(children, facts, account=signed_in(request), now=now),
        kept=_kept(request, children, facts, now=now),
        silent=_silent(children, signed_in(request)),
        # Who has a child here looks it up behind “add a child”: one question less for the page of every morning.
        claims=[] if children else child.rows(claims.of(signed_in(request))[: child.SHOWN_MOST]),
        add_url=reverse("claim-new"),
        announcements=news.headlines(announcements.headlines(now=now, schools=schools, number=NEWS_SHOWN)),
        more_url=reverse("announcements"),
    )
    looked(request, {child: facts[child.pk].line for child in children}, now=now)
    return shown


def _silent(children: Sequence[Student], account: Account) -> list[dict[str, str]]:
    """One line where “not arrived” would not reach this person at any proven address."""
    unheard = reach.not_reached_about(account.pk, topics=[NOT_ARRIVED]) if children else set()
    names = words.listed(child.name for child in children if child.pk in unheard)
    if not names:
        return []
    said = _("If {names} did not arrive at school, no message would reach you.").format(names=names)
    return [{"tag": _("Please look"), "text": said, "url": reverse("family-settings")}]


def _kept(
    request: HttpRequest, children: Sequence[Student], facts: Mapping[UUID, Known], *, now: datetime
) -> dict[str, Any]:
    """What the phone shows without a network."""
    at = localtime(now)
    return {
        "push_key": push_keys.current(now).public if "push" in settings.CHANNELS else "",
        "mark": mark(request, (child.pk for child in children)),
        "until": (now + timedelta(seconds=KEPT_SECONDS)).isoformat(),
        "moment": f"{words.long_date(at.date())} {at:%H:%M}",
        "children": [
            {
                "name": child.name,
                "detail": child_detail(child),
                "word": words.then(facts[child.pk].line, child.school.timezone),
                "source": facts[child.pk].line.why if facts[child.pk].line.state in _SEEN else "",
            }
            for child in children
        ],
    }


_SEEN = ("arrived", "present", "left")


def _children(
    children: Sequence[Student], facts: Mapping[UUID, Known], *, account: Account, now: datetime
) -> list[dict[str, Any]]:
    told = _told(children, account, now)
    return [
        {
            "student": {"name": child.name, "detail": child_detail(child), "url": reverse("child", args=[child.pk])},
            "line": words.day_line(
                facts[child.pk].line,
                now=now,
                zone=child.school.timezone,
                told=_told_sentence(facts[child.pk].line, told.get(child.pk, []), child.school.timezone),
            ),
            "week": words.week_strip(
                facts[child.pk].week,
                child.school.timezone,
                today=local_date(now, child.school.timezone),
                urls=[reverse("child-day", args=[child.pk, day.date]) for day in facts[child.pk].week],
            ),
        }
        for child in children
    ]


def _told(children: Sequence[Student], account: Account, now: datetime) -> dict[UUID, list[Told]]:
    """Today's deliveries to the guardian, by child; one question for each date that is today somewhere."""
    by_child: dict[UUID, list[Told]] = {}
    todays = {child.pk: local_date(now, child.school.timezone) for child in children}
    for today in sorted(set(todays.values())):
        for told in told_each([pk for pk, day in todays.items() if day == today], today, account_id=account.pk):
            by_child.setdefault(told.about, []).append(told)
    return by_child


# Which message belongs to which line. "found" answers "not_arrived" and says the same as "arrived".
_TOPICS = {
    "arrived": ("arrived", "found"),
    "present": ("arrived", "found"),
    "left": ("left",),
    "not_arrived": ("not_arrived",),
}


def _told_sentence(line: DayLine, told: Sequence[Told], zone: str) -> str:
    """What became of the message about this line, in a sentence; nothing where there was none."""
    about = [one for one in told if one.topic in _TOPICS.get(line.state, ())]
    gone = [one for one in about if one.state in ("sent", "delivered") and one.settled_at]
    if gone:
        at = words.clock_seconds(gone[-1].settled_at or gone[-1].posted_at, zone)
        return _("Mailed to you at {time}.").format(time=at)
    if any(one.state in ("queued", "sending") for one in about):
        return _("A mail to you is on its way.")
    if any(one.state == "failed" for one in about):
        return _("The mail to you could not be delivered.")
    return ""
