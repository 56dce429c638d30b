"""The page that somebody wanted before they were asked to sign in."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def wanted(request: HttpRequest) -> str:
    """The `next` of the request, if it is a page of ours; else nothing."""
    return ours(str(request.POST.get("next") or request.GET.get("next") or ""))


def ours(aim: str) -> str:
    """`aim`, if it is a path from the root of this site; else nothing.

    Whatever begins otherwise Django's `redirect` would take for the name of a view.
    """
    return aim if aim.startswith("/") and url_has_allowed_host_and_scheme(aim, allowed_hosts=None) else ""
