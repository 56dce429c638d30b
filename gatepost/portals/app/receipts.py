"""What a phone's worker says back: that a message came, and that its push service gave it another address."""

from contextlib import suppress

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from gatepost.access.doors import PUBLIC, open_to
from gatepost.channels.errors import ChannelError
from gatepost.channels.push import subscription
from gatepost.notify import receivers
from gatepost.notify.addresses import AddressRefused
from gatepost.notify.push import send_test
from gatepost.portals.moment import now_of

WORD_CHARACTERS_MAX = 400


# The worker has no page and sends no cookie: the signed word, which stood in a message that only it could read, is all
# there is to prove.
@open_to(PUBLIC)
@csrf_exempt
@require_POST
def receipt(request: HttpRequest) -> HttpResponse:
    """A message came. The same answer whatever the word was."""
    word = request.POST.get("word", "")
    if 0 < len(word) <= WORD_CHARACTERS_MAX:
        receivers.came(word, now=now_of(request))
    return HttpResponse(status=204)


# Nor here: the former subscription's secret, which was told to us alone, is the proof.
@open_to(PUBLIC)
@csrf_exempt
@require_POST
def renewal(request: HttpRequest) -> HttpResponse:
    """A browser has another subscription. 204 when it is kept, 404 where the former one is unknown."""
    posted, now = request.POST, now_of(request)
    try:
        given, former = (
            subscription.read(
                posted.get(f"{which}endpoint", ""),
                posted.get(f"{which}p256dh", ""),
                posted.get(f"{which}auth", ""),
                http_allowed=settings.PUSH_PRIVATE,
            )
            for which in ("", "former_")
        )
    except ChannelError:
        return HttpResponse(status=404)
    receiver = receivers.renew(former.endpoint, former.auth, given, key=posted.get("key", ""), now=now)
    if receiver is None:
        return HttpResponse(status=404)
    address = receiver.address
    if address.disabled_at is not None and address.disabled_because != receivers.SIGNED_OUT:
        with suppress(AddressRefused, ChannelError):  # the settings page says that it is switched off, and offers it
            send_test(receiver, language=address.account.language, now=now)
    return HttpResponse(status=204)
