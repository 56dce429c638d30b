"""A school's own announcements, written by its office."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.access import queries
from gatepost.access.doors import open_to
from gatepost.portals import noticeboard
from gatepost.portals.frame import Frame, school_frame


def _board(request: HttpRequest, code: str) -> noticeboard.Board:
    school = queries.school(request.user, code, *queries.SCHOOL_STAFF)

    def frame(request: HttpRequest) -> Frame:
        return school_frame(request, school, current="announcements")

    return noticeboard.Board(school, frame)


@open_to(*queries.SCHOOL_STAFF)
@require_safe
def announcements(request: HttpRequest, code: str) -> HttpResponse:
    """The school's announcements: planned, shown, and past."""
    return noticeboard.overview(request, _board(request, code))


@open_to(*queries.SCHOOL_STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, code: str) -> HttpResponse:
    """Publish an announcement, now or from a later hour."""
    return noticeboard.compose(request, _board(request, code))


@open_to(*queries.SCHOOL_STAFF)
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, code: str, announcement_id: int) -> HttpResponse:
    """Change one that is planned or shown."""
    return noticeboard.edit(request, _board(request, code), announcement_id)


@open_to(*queries.SCHOOL_STAFF)
@require_POST
def end(request: HttpRequest, code: str, announcement_id: int) -> HttpResponse:
    """Show it no more from now on; one that was not shown yet never will be."""
    return noticeboard.end(request, _board(request, code), announcement_id)
