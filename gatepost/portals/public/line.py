"""Where LINE tells us what people did with our LINE account."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from gatepost.access.doors import PUBLIC, open_to
from gatepost.channels.line import webhook
from gatepost.notify.line import events
from gatepost.portals.moment import now_of


# LINE has no fixed addresses and no cookie: the signature over the body is all there is to prove.
@open_to(PUBLIC)
@csrf_exempt
@require_POST
def told(request: HttpRequest) -> HttpResponse:
    """Keep what LINE signed, and answer at once: the worker does the rest.

    403 where the signature is not LINE's, 400 for what LINE would not say, 413 for more than it would.
    """
    if "line" not in settings.CHANNELS:
        raise Http404("there is no LINE here")
    body = request.body
    if len(body) > webhook.BODY_BYTES_MOST:
        return HttpResponse(status=413)
    if not webhook.is_signed(settings.LINE_CHANNEL_SECRET, body, request.headers.get("X-Line-Signature", "")):
        return HttpResponse(status=403)
    try:
        said = webhook.read(body)
    except webhook.Unreadable:
        return HttpResponse(status=400)
    if said:
        events.keep(said, now=now_of(request))
    return HttpResponse()
