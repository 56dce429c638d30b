"""The page that somebody wanted before they were asked to sign in."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def wanted(request: HttpRequest) -> str:
    """The `next` of the request, if it is a page of ours; else nothing."""
    aim = str(request.POST.get("next") or request.GET.get("next") or "")
    return aim if url_has_allowed_host_and_scheme(aim, allowed_hosts=None) else ""
