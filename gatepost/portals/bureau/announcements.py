from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.access.doors import open_to
from gatepost.access.models import Role
from gatepost.portals import noticeboard
from gatepost.portals.frame import Frame, bureau_frame


def _frame(request: HttpRequest) -> Frame:
    return bureau_frame(request, current="announcements")


CITY = noticeboard.Board(None, _frame)


@open_to(Role.Name.BUREAU_OFFICER)
@require_safe
def announcements(request: HttpRequest) -> HttpResponse:
    """The city's announcements: planned, shown, and past."""
    return noticeboard.overview(request, CITY)


@open_to(Role.Name.BUREAU_OFFICER)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Publish an announcement, now or from a later hour."""
    return noticeboard.compose(request, CITY)


@open_to(Role.Name.BUREAU_OFFICER)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, announcement_id: int) -> HttpResponse:
    """Change one that is planned or shown."""
    return noticeboard.edit(request, CITY, announcement_id)


@open_to(Role.Name.BUREAU_OFFICER)
@require_POST
def end(request: HttpRequest, announcement_id: int) -> HttpResponse:
    """Show it no more from now on; one that was not shown yet never will be."""
    return noticeboard.end(request, CITY, announcement_id)
