from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.announcements import queries
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of
from gatepost.portals.public import news

SHOWN = 6


@open_to(PUBLIC)
@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """What this is, the ways in, and the city's news."""
    announcements = queries.published(now=now_of(request))[:SHOWN]
    return page(
        request,
        "public/front.html",
        public_frame(request),
        entries=_entries(),
        announcements=news.items(announcements),
        more_url=reverse("announcements"),
    )


def _entries() -> list[dict[str, object]]:
    ways = [
        (_("Families"), _("See that your child arrived or left, and choose your messages"), reverse("family")),
        (
            _("Apply for the parent–child account"),
            _("For families without an account yet: three steps, and the school decides"),
            reverse("binding-schools"),
        ),
        (_("Schools"), _("Who is here today, entries without a card, readers"), reverse("schools")),
        (_("Education bureau"), _("The city today, announcements, days without school"), reverse("bureau-today")),
        (_("Platform"), _("Queues, deliveries, readers"), reverse("operator-health")),
    ]
    return [
        {"title": title, "text": text, "url": url, "first": not place} for place, (title, text, url) in enumerate(ways)
    ]
