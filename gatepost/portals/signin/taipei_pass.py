"""Signing in with Taipei Pass: away to the city's page, and back with a code."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.accounts.attempts import TooOften
from gatepost.portals.moment import now_of
from gatepost.portals.signin import upstream
from gatepost.upstream import askings, taipei_pass
from gatepost.upstream.identity import UpstreamRefused
from gatepost.upstream.models import Provider

HERE = Provider.TAIPEI_PASS


@open_to(PUBLIC)
@require_safe
def begin(request: HttpRequest) -> HttpResponse:
    """To the city's page. Who is signed in connects; without their password having been asked, they are shown where."""
    if not upstream.is_open(HERE):
        raise Http404("switched off")
    if not upstream.may_begin(request, HERE):
        return redirect("own-ways")
    state = askings.new_state()
    try:
        upstream.count_start(request)
        address, kept = taipei_pass.begin(state, _back())
    except TooOften:
        return upstream.refused(request, HERE, "often")
    except UpstreamRefused as refused:
        return upstream.refused(request, HERE, refused.code)
    upstream.begin(request, HERE, state, kept, now=now_of(request))
    return HttpResponseRedirect(address)


@open_to(PUBLIC)
@require_safe
def back(request: HttpRequest) -> HttpResponse:
    """From the city's page. The answer counts once, in the browser that asked, for what it asked."""
    if not upstream.is_open(HERE):
        raise Http404("switched off")
    now, answer = now_of(request), request.GET.dict()
    try:
        asking = askings.of_state(HERE, answer.get("state", ""))
        if asking.pk != upstream.held(request, HERE).pk:
            raise UpstreamRefused("forged")
        askings.use(asking, now=now)
        identity = taipei_pass.finish(answer, askings.kept(asking), _back(), now=now)
        return upstream.finish(request, asking, identity, now=now)
    except UpstreamRefused as refused:
        return upstream.refused(request, HERE, refused.code)


def _back() -> str:
    return settings.SITE_URL + reverse("taipei-pass-back")
