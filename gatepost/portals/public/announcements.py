from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.announcements import queries
from gatepost.portals import words
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.portals.public import news

A_PAGE = 20


@open_to(PUBLIC)
@require_safe
def history(request: HttpRequest) -> HttpResponse:
    """The announcements of the city, and of the schools one has to do with: the current ones, then the past ones."""
    now, near = now_of(request), news.schools_near(request.user)
    asked = {name: request.GET.get(name, "").replace("\0", "").strip()[:60] for name in ("of", "kind", "q")}
    if asked["kind"] not in words.NEWS_KINDS:
        asked["kind"] = ""
    found = queries.board(now=now, schools=near, of=asked["of"], kind=asked["kind"], text=asked["q"])
    shown = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    rows = list(shown.object_list)
    return page(
        request,
        "public/announcements.html",
        public_frame(request),
        current=news.items(one for one in rows if not one.is_past(now)),
        past=news.items(one for one in rows if one.is_past(now)),
        is_first=shown.number == 1,
        asked=asked,
        kinds=list(words.NEWS_KINDS.items()),
        places=[("city", _("The city")), *sorted({(one.code, one.short_name) for one in near})] if near else [],
        pager=pager(request, shown),
    )


@open_to(PUBLIC)
@require_safe
def announcement(request: HttpRequest, announcement_id: int) -> HttpResponse:
    """One announcement; a school's own is for those who have to do with the school."""
    near = news.schools_near(request.user)
    one = queries.history(now=now_of(request), schools=near).filter(pk=announcement_id).first()
    if one is None:
        raise Http404("no such announcement for you")
    crumbs = [
        {"label": _("Front page"), "url": reverse("front")},
        {"label": _("Announcements"), "url": reverse("announcements")},
    ]
    return page(request, "public/announcement.html", public_frame(request), article=news.article(one), crumbs=crumbs)
