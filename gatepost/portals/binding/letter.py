"""Coming in with a letter that the school printed: its link or its code, then one deliberate press.

Nothing about a child or a school stands on these pages, and looking at one uses nothing up: programs that preview
links look at them before people do.
"""

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.guardians.applications import invitations
from gatepost.guardians.applications.family import ApplicationRefused
from gatepost.guardians.applications.invitations import InvitationRefused
from gatepost.portals.binding import words
from gatepost.portals.binding.family import enter, frame
from gatepost.portals.frame import page
from gatepost.portals.moment import now_of
from gatepost.portals.visitor import network_address

REFUSALS = {
    "unknown": _("No letter has this code. Look at it again, character by character."),
    "used": _(
        "This letter was used already. Sign in with P, the student number and the password that was set with it. If "
        "nobody of your family did that, please tell the school today."
    ),
    "revoked": _("This letter counts no more: the school has withdrawn it or printed a newer one. Use the newest."),
    "run_out": _("This letter has run out: it was good for seven days. Please ask the school for a new one."),
    "known": _(
        "Your family has set a password already, so this letter opens nothing. Sign in with P, the student number and "
        "that password. If nobody knows it any more, the school can set it back."
    ),
}
STATUSES = {"wait": 429, "unknown": 404}


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code of the letter"),
        max_length=40,
        help_text=_("Twelve characters, for example K7QD-3MHX-9PTA. Capitals, spaces and hyphens do not matter."),
        error_messages={"required": _("Type the code that stands on the letter.")},
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "class": "code"}
        ),
    )


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def by_code(request: HttpRequest) -> HttpResponse:
    """The code, typed or from the link; pressed, it opens."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            entered = invitations.enter(form.cleaned_data["code"], **_who(request))
        except (InvitationRefused, ApplicationRefused) as refused:
            form.add_error("code", _sentence(refused))
        else:
            enter(request, entered)
            return redirect("binding-password")
    return page(request, "binding/letter.html", frame(request), form=form)


@open_to(PUBLIC)
@require_safe
def link(request: HttpRequest, letter_code: str) -> HttpResponse:
    """The link of the letter. It says whether the letter is good, and opens nothing."""
    try:
        invitations.find(letter_code, **_who(request))
    except (InvitationRefused, ApplicationRefused) as refused:
        status = STATUSES.get(refused.code, 410)
        text = _sentence(refused)
        return page(request, "binding/letter_refused.html", frame(request), status=status, text=text)
    return page(request, "binding/letter_link.html", frame(request), code=invitations.plain(letter_code))


def _who(request: HttpRequest) -> dict[str, Any]:
    return {"address": network_address(request), "ring": settings.KEY_RING, "now": now_of(request)}


def _sentence(refused: InvitationRefused | ApplicationRefused) -> str:
    if isinstance(refused, ApplicationRefused):
        return str(words.REFUSALS[refused.code])
    if refused.code == "wait":
        return ngettext(
            "Too many attempts that did not fit. Try again in {n} minute.",
            "Too many attempts that did not fit. Try again in {n} minutes.",
            refused.minutes,
        ).format(n=refused.minutes)
    return str(REFUSALS[refused.code])
