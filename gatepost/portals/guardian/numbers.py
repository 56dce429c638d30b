"""Adding a mobile number, and proving it by a code sent there."""

from datetime import datetime

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.channels.errors import ChannelError
from gatepost.notify import addresses, sms
from gatepost.notify.addresses import AddressRefused
from gatepost.notify.models import Address, Channel
from gatepost.portals.frame import family_frame, page, signed_in
from gatepost.portals.guardian import typed_codes
from gatepost.portals.moment import now_of

REFUSALS = {
    "unusable": gettext_lazy("This is no mobile number of Taiwan: write it like 0912-345-678."),
    "stranger": gettext_lazy("First bind a child to your account: each code costs the city money."),
    "proven": gettext_lazy("This number is proven already."),
    "many": gettext_lazy("Two numbers are the most. Remove one first."),
    "often": gettext_lazy("Enough codes were sent for now. Look at your telephone, or try again tomorrow."),
    "wrong": gettext_lazy("This is not the code we sent last. Look at the newest message."),
    **typed_codes.REFUSALS,
}


class NumberForm(forms.Form):
    target = forms.CharField(
        label=gettext_lazy("Mobile number"),
        max_length=30,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel-national", "inputmode": "tel"}),
        help_text=gettext_lazy("We send a code of six digits there. Only you can read it, so the number is proven."),
        error_messages={"required": gettext_lazy("Type the mobile number.")},
    )


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """A new mobile number; a code goes there at once."""
    _switched_on()
    form = NumberForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            address = addresses.add_number(signed_in(request), form.cleaned_data["target"])
            _send(request, address, now_of(request))
        except AddressRefused as refused:
            form.add_error("target", str(REFUSALS[refused.code]))
        else:
            return redirect("number-code", address.pk)
    frame = family_frame(request, current="settings")
    back_url = reverse("family-settings")
    return page(request, "guardian/number_new.html", frame, form=form, crumbs=_crumbs(), back_url=back_url)


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest, address_id: int) -> HttpResponse:
    """Type the code that came back; or, with `again`, have a new one sent."""
    _switched_on()
    address = Address.objects.filter(account=signed_in(request), channel=Channel.SMS, pk=address_id).first()
    if address is None:
        raise Http404("no such number of yours")
    form = typed_codes.typed(request, address, PROVING, name=address.label)
    if isinstance(form, HttpResponse):
        return form
    frame = family_frame(request, current="settings")
    return page(request, "guardian/number_code.html", frame, form=form, number=address.label, crumbs=_crumbs())


def _switched_on() -> None:
    if Channel.SMS not in settings.CHANNELS:
        raise Http404("no short messages here")


def _send(request: HttpRequest, address: Address, now: datetime) -> None:
    """Send a new code. The person hears whether it was taken; the page comes either way."""
    fresh = addresses.new_code(address, now=now)
    try:
        sms.send_code(address, fresh, language=signed_in(request).language, now=now)
    except ChannelError as error:
        if error.permanent:
            messages.warning(request, _("The phone company does not know this number. Look at it again."))
        else:
            messages.warning(request, _("The message could not be sent just now. Ask for a new code in a minute."))
    else:
        messages.success(request, _("A code is on its way to {address}.").format(address=address.label))


def _crumbs() -> list[dict[str, str]]:
    return [{"label": _("Account settings"), "url": reverse("family-settings")}]


PROVING = typed_codes.Proving(
    page="number-code",
    send=_send,
    missing=gettext_lazy("Type the six digits from the text message."),
    proven=gettext_lazy("{address} is proven. Choose below what to send there."),
    refusals=REFUSALS,
)
