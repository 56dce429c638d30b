"""Where the gateway of short messages tells us what became of them."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from gatepost.access.doors import PUBLIC, open_to
from gatepost.channels.sms import mitake
from gatepost.notify import sms_receipts, sms_reports
from gatepost.portals.moment import now_of
from gatepost.portals.visitor import network_address


# Mitake reports with a GET, unsigned. What it can prove is that it was told the address, and where it stands.
@open_to(PUBLIC)
@require_GET
def reported(request: HttpRequest, token: str) -> HttpResponse:
    """Keep a report, and answer as Mitake wants it; without that answer it reports again, which changes nothing.

    404 with another secret, 403 from elsewhere, 400 for what Mitake would not say.
    """
    if not sms_reports.is_taken() or not sms_reports.is_secret(token):
        raise Http404("no such place")
    if not sms_reports.is_source(network_address(request)):
        return HttpResponse(status=403)
    reference, code = request.GET.get("msgid", ""), request.GET.get("StatusFlag", "")
    if not mitake.is_reference(reference) or not mitake.is_status(code):
        return HttpResponse(status=400)
    sms_receipts.take(mitake.read_status(reference, code), now=now_of(request))
    return HttpResponse(mitake.acknowledgement(reference), content_type="text/plain; charset=utf-8")
