"""The answer to “do our messages still reach you here?”: one button, without signing in."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import PUBLIC, open_to
from gatepost.notify import checks
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of


# Opening the link says nothing: mail programs look at links before people do. The signed word is all there is to prove,
# so a mail program that keeps no cookies can answer as well. The page names nobody.
@open_to(PUBLIC)
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks; POST says yes."""
    if checks.asked(token) is None:
        text = _("It is older than three weeks, or was cut off. Sign in to see how your addresses are.")
        title = _("This link does not work")
        return page(request, "public/reach_answered.html", public_frame(request), status=404, title=title, text=text)
    if request.method != "POST":
        return page(request, "public/reach.html", public_frame(request))
    checks.answer(token, now=now_of(request))
    title, text = _("Thank you"), _("Now we know that our messages reach you. There is nothing else to do.")
    return page(request, "public/reach_answered.html", public_frame(request), title=title, text=text)
