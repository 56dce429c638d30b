"""What a family was sent by its schools, to be read again."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gatepost.access.doors import GUARDIAN, open_to
from gatepost.circulars import queries as circulars
from gatepost.circulars.models import Addressee, Circular
from gatepost.notify.queries import Told, told_of
from gatepost.portals import words
from gatepost.portals.frame import child_detail, family_frame, page, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.portals.plain_text import paragraphs

A_PAGE = 15


@open_to(GUARDIAN)
@require_safe
def sent(request: HttpRequest) -> HttpResponse:
    """The messages to the families of one's children, newest first, and what became of one's own copies."""
    account = signed_in(request)
    every = circulars.to_family(account, Circular.Kind.MESSAGE)
    shown = Paginator(every, A_PAGE).get_page(request.GET.get("page"))
    rows = list(shown.object_list)
    keys = [(one.circular.key, one.student_id, one.circular.on_date) for one in rows]
    told = told_of(keys, account_id=account.pk)
    return page(
        request,
        "guardian/messages.html",
        family_frame(request, current="messages"),
        rows=[_row(one, told.get((one.circular.key, one.student_id), [])) for one in rows],
        pager=pager(request, shown),
        as_of=words.clock(now_of(request), rows[0].circular.school.timezone) if rows else "",
    )


def _row(one: Addressee, told: list[Told]) -> dict[str, Any]:
    circular, zone = one.circular, one.circular.school.timezone
    return {
        "title": circular.title,
        "html": paragraphs(circular.body),
        "meta": [
            f"{one.student.name} · {child_detail(one.student)}",
            f"{words.ROLES[circular.office]} {circular.by.get_full_name()}",
            f"{words.slashed(circular.on_date)} {words.clock(circular.written_at, zone)}",
        ],
        "tag": _("Corrected") if circular.wording > 1 else _("Stopped by the school") if circular.stopped_at else "",
        "deliveries": [words.delivery(each, zone) for each in told],
    }
