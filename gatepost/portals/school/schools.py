from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.portals.frame import page, public_frame


@open_to(*queries.STAFF)
@require_safe
def schools(request: HttpRequest) -> HttpResponse:
    """The schools where the person works; straight to the only one."""
    mine = list(queries.schools(request.user).select_related("district"))
    if len(mine) == 1:
        return redirect("school-today", mine[0].code)
    entries = [
        {"title": one.short_name, "text": one.district.name, "url": reverse("school-today", args=[one.code])}
        for one in mine
    ]
    return page(request, "school/schools.html", public_frame(request), entries=entries)
