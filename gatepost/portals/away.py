"""What is answered where a view found no data: the database is away, full, takes no more connections or writes nothing.

Such an answer is 503 and says when to come again; any other failure is our mistake and stays Django's 500. Nothing here
asks for the database, the session or the person.
"""

import sys

import psycopg
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.decorators.csrf import requires_csrf_token
from django.views.defaults import server_error

RETRY_SECONDS = 60

# The classes of SQLSTATE that say the server cannot, whatever we ask of it: connection, resources (too many
# connections, no disk), intervention (shutdown, a statement that took too long), input and output.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_CANNOT = ("08", "53", "57", "58")
_READ_ONLY = "25006"


@requires_csrf_token
def failed(request: HttpRequest) -> HttpResponse:
    """The answer to a request whose view, or middleware, raised (Django's `handler500`)."""
    return unavailable(request) if is_away(sys.exc_info()[1]) else server_error(request)


def is_away(error: BaseException | None) -> bool:
    """Whether `error` is the database's, and one that another question would have met too."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return False
    cause = error.__cause__
    if not isinstance(cause, psycopg.Error):
        return isinstance(error, InterfaceError)
    if cause.sqlstate is None:  # no server spoke: none was reached, or it went away, or no connection became free
        return isinstance(cause, psycopg.OperationalError | psycopg.InterfaceError)
    return cause.sqlstate.startswith(_CANNOT) or cause.sqlstate == _READ_ONLY


def unavailable(request: HttpRequest) -> HttpResponse:
    """503: a page for who reads pages, a problem document (RFC 9457) for programs. No cache may keep either."""
    response = _page(request) if "text/html" in request.headers.get("Accept", "") else _problem()
    response["Retry-After"] = str(RETRY_SECONDS)
    response["Cache-Control"] = "no-store"
    return response


def _page(request: HttpRequest) -> HttpResponse:
    again_url = request.get_full_path() if request.method in {"GET", "HEAD"} else ""
    return HttpResponse(render_to_string("503.html", {"again_url": again_url}), status=503)


def _problem() -> HttpResponse:
    told = {
        "type": "about:blank",
        "title": "Not now",
        "status": 503,
        "detail": f"The data cannot be reached. Try again in {RETRY_SECONDS} seconds.",
        "error": "temporarily_unavailable",  # where clients of OpenID Connect look
    }
    return JsonResponse(told, status=503, content_type="application/problem+json")
