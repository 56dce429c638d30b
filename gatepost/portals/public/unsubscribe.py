"""Unsubscribing from one kind of message by the link in its mail, without signing in."""

from dataclasses import dataclass
from uuid import UUID

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import PUBLIC, open_to
from gatepost.notify import recipients
from gatepost.notify.mail import UNSUBSCRIBE_SALT
from gatepost.portals.frame import page, public_frame
from gatepost.portals.words import topic_title


@dataclass(frozen=True)
class _Token:
    account_id: UUID
    about: UUID
    topic: str
    address_id: int


# Mail programs post without cookies (RFC 8058): the signed token says all there is to prove.
@open_to(PUBLIC)
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks; POST, by a person or by their mail program, takes the subscription away."""
    read = _read(token)
    if read is None:
        text = _("It may have been cut off in the mail. Sign in to choose your messages.")
        return _say(request, _("This link does not work"), text, status=404)
    topic = topic_title(read.topic)
    if request.method != "POST":
        return page(request, "public/unsubscribe.html", public_frame(request), topic=topic)
    recipients.unsubscribe(read.account_id, read.about, topic=read.topic, address_id=read.address_id)
    text = _("“{topic}” is switched off for this address. You can switch it on again in your message settings.")
    return _say(request, _("You will not get this message any more"), text.format(topic=topic))


def _say(request: HttpRequest, title: str, text: str, *, status: int = 200) -> HttpResponse:
    return page(request, "public/unsubscribed.html", public_frame(request), status=status, title=title, text=text)


def _read(token: str) -> _Token | None:
    try:
        account, about, topic, address = signing.loads(token, salt=UNSUBSCRIBE_SALT)
        return _Token(UUID(account), UUID(about), str(topic), int(address))
    except (signing.BadSignature, ValueError, TypeError):
        return None
