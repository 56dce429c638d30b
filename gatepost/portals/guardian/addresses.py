"""Adding an address, proving it by a code, removing it."""

from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.channels.errors import ChannelError
from gatepost.notify import addresses
from gatepost.notify.addresses import AddressRefused
from gatepost.notify.codes import send_code
from gatepost.notify.models import Address, Channel
from gatepost.portals.frame import family_frame, page, signed_in
from gatepost.portals.guardian import typed_codes
from gatepost.portals.moment import now_of

REFUSALS = {
    "unusable": gettext_lazy("This is not understood as an email address: write it like name@example.org."),
    "proven": gettext_lazy("This address is proven already."),
    "many": gettext_lazy("Five addresses are the most. Remove one first."),
    "often": gettext_lazy("Enough codes were sent for now. Look into the mailbox, or try again in an hour."),
    "wrong": gettext_lazy("This is not the code we sent last. Look at the newest mail."),
    **typed_codes.REFUSALS,
}


class AddressForm(forms.Form):
    target = forms.CharField(  # what is an address, the channel decides: this field only has to hold it
        label=gettext_lazy("Email"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text=gettext_lazy("We mail a code of six digits there. Only you can read it, so the address is proven."),
        error_messages={"required": gettext_lazy("Type the email address.")},
    )


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """A new email address; a code goes there at once."""
    form = AddressForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            address = addresses.add(signed_in(request), form.cleaned_data["target"])
            _send(request, address, now_of(request))
        except AddressRefused as refused:
            form.add_error("target", str(REFUSALS[refused.code]))
        else:
            return redirect("address-code", address.pk)
    return page(
        request,
        "guardian/address_new.html",
        family_frame(request, current="settings"),
        form=form,
        crumbs=_crumbs(),
        back_url=reverse("family-settings"),
    )


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest, address_id: int) -> HttpResponse:
    """Type the code that came back; or, with `again`, have a new one sent."""
    address = _own(request, address_id)
    if address.channel != Channel.EMAIL:
        raise Http404("no mailbox")
    form = typed_codes.typed(request, address, PROVING, name=address.target)
    if isinstance(form, HttpResponse):
        return form
    frame = family_frame(request, current="settings")
    return page(request, "guardian/address_code.html", frame, form=form, address=address.target, crumbs=_crumbs())


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, address_id: int) -> HttpResponse:
    """Forget an address, after a confirmation that says what stops with it."""
    address = _own(request, address_id)
    if request.method == "POST":
        addresses.remove(address, by=signed_in(request))
        messages.success(request, _("{address} is removed.").format(address=address.target))
        return redirect("family-settings")
    count = address.subscriptions.count()
    confirm = {
        "title": _("Remove {address}?").format(address=address.target),
        "count": count,
        "unit": ngettext("chosen message stops", "chosen messages stop", count),
        "facts": [_("The address is forgotten. It can be added and proven again.")],
        "action": {"label": _("Remove it"), "url": request.path, "kind": "danger"},
        "back_url": reverse("family-settings"),
    }
    return page(request, "portals/confirm.html", family_frame(request, current="settings"), confirm=confirm)


def _own(request: HttpRequest, address_id: int) -> Address:
    found = Address.objects.filter(account=signed_in(request), pk=address_id).first()
    if found is None:
        raise Http404("no such address of yours")
    return found


def _send(request: HttpRequest, address: Address, now: datetime) -> None:
    """Send a new code. The person hears whether the mail server took it; the page comes either way."""
    account = signed_in(request)
    fresh = addresses.new_code(address, now=now)
    try:
        send_code(address, fresh, language=account.language, name=account.name, now=now)
    except ChannelError as error:
        if error.permanent:
            messages.warning(request, _("The mail server does not take mail for this address. Look at its spelling."))
        else:
            messages.warning(request, _("The mail could not be sent just now. Ask for a new code in a minute."))
    else:
        messages.success(request, _("A code is on its way to {address}.").format(address=address.target))


def _crumbs() -> list[dict[str, str]]:
    return [{"label": _("Account settings"), "url": reverse("family-settings")}]


PROVING = typed_codes.Proving(
    page="address-code",
    send=_send,
    proven=gettext_lazy("{address} is proven. Choose below what to send there."),
    refusals=REFUSALS,
)
