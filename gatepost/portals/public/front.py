from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.announcements import queries
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of
from gatepost.portals.public import condition, news, status

SHOWN = 6


@open_to(PUBLIC)
@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """The ways in, what is disturbed if anything is, help, and the city's news."""
    now = now_of(request)
    announcements = queries.published(now=now)[:SHOWN]
    found = condition.kept.at(now)
    return page(
        request,
        "public/front.html",
        public_frame(request),
        families=[one | {"first": not nth} for nth, one in enumerate(_entries(_families()))],
        offices=_entries(_offices()),
        # Among hundreds of schools one reader is always silent: who is told there looks at the child's own page.
        disturbed=status.headline(found) if found.late_since else "",
        announcements=news.items(announcements),
        more_url=reverse("announcements"),
    )


def _families() -> list[tuple[str, str, str]]:
    return [
        (_("Families"), _("See that your child arrived or left, and choose your messages"), reverse("family")),
        (
            _("Apply for the parent–child account"),
            _("For families without an account yet: three steps, and the school decides"),
            reverse("binding-schools"),
        ),
    ]


def _offices() -> list[tuple[str, str, str]]:
    return [
        (_("Schools"), _("Who is here today, entries without a card, readers"), reverse("schools")),
        (_("Education bureau"), _("The city today, announcements, days without school"), reverse("bureau-today")),
        (_("Platform"), _("Queues, deliveries, readers"), reverse("operator-health")),
    ]


def _entries(ways: list[tuple[str, str, str]]) -> list[dict[str, object]]:
    return [{"title": title, "text": text, "url": url} for title, text, url in ways]
