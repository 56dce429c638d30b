"""Typing the code that came back from an address, whichever channel took it there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from gatepost.notify import addresses
from gatepost.notify.addresses import AddressRefused
from gatepost.notify.models import Address
from gatepost.portals.moment import now_of

REFUSALS = {
    "expired": gettext_lazy("This code is too old, or none was sent. Ask for a new one."),
    "spent": gettext_lazy("Too many tries. Ask for a new code."),
}
FROM_THE_MAIL = gettext_lazy("Type the six digits from the mail.")


class CodeForm(forms.Form):
    code = forms.RegexField(
        r"^\s*\d{3}\s?\d{3}\s*$",
        label=gettext_lazy("Code"),
        error_messages={"required": FROM_THE_MAIL, "invalid": gettext_lazy("The code has six digits.")},
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": "8"}),
    )

    def clean_code(self) -> str:
        return "".join(self.cleaned_data["code"].split())


@dataclass(frozen=True, kw_only=True)
class Proving:
    """How one channel proves: the name of its page, how it sends a code, and what it says."""

    page: str
    send: Callable[[HttpRequest, Address, datetime], None]
    proven: Promise  # with {address}
    refusals: Mapping[str, Promise]
    missing: Promise = FROM_THE_MAIL  # nothing was typed


def typed(request: HttpRequest, address: Address, proving: Proving, *, name: str) -> HttpResponse | CodeForm:
    """Take the code, or with `again` send a new one: where to go then, or the form as it is to be shown.

    `name` is what the owner calls the address.
    """
    if address.is_proven:
        return redirect("family-settings")
    if "again" in request.POST:
        return _again(request, address, proving)
    form = CodeForm(request.POST if request.method == "POST" else None)
    form.fields["code"].error_messages["required"] = str(proving.missing)
    if not form.is_valid():
        return form
    try:
        addresses.prove(address, form.cleaned_data["code"], now=now_of(request))
    except AddressRefused as refused:
        form.add_error("code", str(proving.refusals[refused.code]))
        return form
    messages.success(request, str(proving.proven).format(address=name))
    return redirect("family-settings")


def _again(request: HttpRequest, address: Address, proving: Proving) -> HttpResponse:
    try:
        proving.send(request, address, now_of(request))
    except AddressRefused as refused:
        messages.warning(request, str(proving.refusals[refused.code]))
    return redirect(proving.page, address.pk)
