from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to

# What asks for a sign-in has nothing for a search engine, and a link in a mail is for who got it.
CLOSED = (
    "/activate/",
    "/apply/letter/",
    "/bureau/",
    "/family/",
    "/home/",
    "/operator/",
    "/schools/",
    "/sso/",
    "/forgotten-password/new/",
    "/unsubscribe/",
    "/v1/",
)


@open_to(PUBLIC)
@require_safe
@cache_control(public=True, max_age=86_400)
def robots(request: HttpRequest) -> HttpResponse:
    """What search engines may read: the pages for everybody."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in CLOSED), ""]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")
