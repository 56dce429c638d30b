"""Messages to this very phone: asked for here, proven by a test message that its worker confirms."""

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.accounts import devices
from gatepost.channels.errors import ChannelError
from gatepost.channels.push import subscription
from gatepost.notify import push_keys, receivers
from gatepost.notify.addresses import AddressRefused
from gatepost.notify.models import Address, Channel, PushReceiver
from gatepost.notify.push import send_test
from gatepost.portals import words
from gatepost.portals.frame import family_frame, page, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.visitor import network_address

REFUSALS = {
    "unusable": gettext_lazy(
        "This browser gave something that cannot be used. Please load the page anew and try again."
    ),
    "many": gettext_lazy("Ten devices are the most. Remove one first."),
    "signed_out": gettext_lazy("You signed out there. Sign in on that device, and messages come again."),
    "often": gettext_lazy("A test message left just now. Wait a moment before the next one."),
}


@open_to(SIGNED_IN)
@require_safe
def new(request: HttpRequest) -> HttpResponse:
    """What it is, and the button. Only a script can ask the browser."""
    _switched_on()
    return page(
        request,
        "guardian/push_new.html",
        family_frame(request, current="settings"),
        key=push_keys.current(now_of(request)).public,
        crumbs=_crumbs(),
    )


@open_to(SIGNED_IN)
@require_POST
def put_down(request: HttpRequest) -> HttpResponse:
    """The browser's subscription: a new one gets a test message, one that is said again is only looked at."""
    _switched_on()
    account, now = signed_in(request), now_of(request)
    posted = request.POST
    try:
        given = subscription.read(
            posted.get("endpoint", ""),
            posted.get("p256dh", ""),
            posted.get("auth", ""),
            http_allowed=settings.PUSH_PRIVATE,
        )
        key, session_key = posted.get("key", ""), request.session.session_key or ""
        if "quietly" in posted:
            receivers.seen_again(account, given, key=key, session_key=session_key, now=now)
            return HttpResponse(status=204)
        receiver = receivers.put_down(account, given, key=key, label=_name(request), session_key=session_key, now=now)
    except (ChannelError, AddressRefused) as refused:
        messages.warning(request, str(REFUSALS[getattr(refused, "code", "unusable")]))
        return redirect("push-new")
    receivers.name_people(receiver, wanted="named" in posted, now=now)
    _send(request, receiver)
    return redirect("push-test", receiver.address_id)


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def test(request: HttpRequest, address_id: int) -> HttpResponse:
    """Send a test message to one of one's devices; see whether it came; say whether it names people."""
    _switched_on()
    found = Address.objects.select_related("receiver").filter(
        account=signed_in(request), pk=address_id, channel=Channel.PUSH
    )
    address = found.first()
    if address is None:
        raise Http404("no such device of yours")
    if request.method == "POST":
        if "names" in request.POST:
            receivers.name_people(address.receiver, wanted="named" in request.POST, now=now_of(request))
            messages.success(request, _("Saved. The next message is shown so."))
        else:
            _send(request, address.receiver)
        return redirect("push-test", address_id)
    return page(
        request,
        "guardian/push_test.html",
        family_frame(request, current="settings"),
        address=address,
        receiver=address.receiver,
        came=address.is_usable and address.receiver.test_digest is None,
        crumbs=_crumbs(),
        back_url=reverse("family-settings"),
    )


def _send(request: HttpRequest, receiver: PushReceiver) -> None:
    """Send a test message. The person hears whether the push service took it; the page comes either way."""
    try:
        send_test(receiver, language=signed_in(request).language, now=now_of(request))
    except AddressRefused as refused:
        messages.warning(request, str(REFUSALS[refused.code]))
    except ChannelError as error:
        text = _("The push service could not be reached just now. Try again in a minute.")
        if error.permanent:
            text = _(
                "The push service does not know this device any more. Remove it, and set it up anew on the device."
            )
        messages.warning(request, text)
    else:
        messages.success(request, _("A test message is on its way."))


def _name(request: HttpRequest) -> str:
    """How its owner knows the device: Chrome, Android."""
    seen = devices.seen_as(request.headers.get("User-Agent", ""), network_address(request))
    return words.listed(part for part in (seen.browser, seen.system) if part) or _("A device")


def _switched_on() -> None:
    if "push" not in settings.CHANNELS:
        raise Http404("no app messages here")


def _crumbs() -> list[dict[str, str]]:
    return [{"label": _("Account settings"), "url": reverse("family-settings")}]
