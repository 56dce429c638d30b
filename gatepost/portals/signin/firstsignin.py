"""The first sign-in as the city documents it: email and the last six characters of one's ID number.

Once, for a limited time, and only where the operator allows it. It opens nothing by itself: a code goes to the mailbox
that was proven, and behind it a password is set. What is typed gets the same answer whether it fits or not.
"""

from collections.abc import Callable
from functools import wraps

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import PUBLIC, open_to
from gatepost.accounts import activation
from gatepost.accounts.activation import ActivationRefused
from gatepost.accounts.attempts import TooOften
from gatepost.portals import words
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of
from gatepost.portals.signin.activation import EmailForm, prove
from gatepost.portals.visitor import network_address

TYPED = "first-sign-in"
Page = Callable[[HttpRequest], HttpResponse]


class FirstPasswordForm(EmailForm):
    number = forms.RegexField(
        r"^\s*[0-9A-Za-z]{6}\s*$",
        label=gettext_lazy("Last six characters of your ID number"),
        help_text=gettext_lazy("Your own ID or residence number, as in the application."),
        error_messages={
            "required": gettext_lazy("Type the last six characters of your ID number."),
            "invalid": gettext_lazy("Six characters are needed here, without spaces."),
        },
        widget=forms.PasswordInput(attrs={"autocomplete": "off", "inputmode": "numeric", "maxlength": "8"}),
    )


class CodeForm(forms.Form):
    code = forms.RegexField(
        r"^\s*\d{3}\s?\d{3}\s*$",
        label=gettext_lazy("Code"),
        error_messages={
            "required": gettext_lazy("Type the six digits from the mail."),
            "invalid": gettext_lazy("The code has six digits."),
        },
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "one-time-code", "maxlength": "8"}),
    )


def where_allowed(view: Page) -> Page:
    """No such page where the operator has switched this way off."""

    @wraps(view)
    def look(request: HttpRequest) -> HttpResponse:
        if not settings.FIRST_PASSWORD_BY_ID_NUMBER:
            raise Http404("switched off")
        return view(request)

    return look


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
@where_allowed
def first(request: HttpRequest) -> HttpResponse:
    """Email and number; whatever they are, the next page asks for the code."""
    form = FirstPasswordForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        email = form.cleaned_data["email"]
        try:
            activation.try_first_password(
                email, form.cleaned_data["number"], network_address=network_address(request), now=now_of(request)
            )
        except TooOften as often:
            form.add_error(None, words.wait_text(often))
        else:
            request.session[TYPED] = email
            return redirect("first-sign-in-code")
    return page(request, "account/first.html", public_frame(request), form=form)


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
@where_allowed
def code(request: HttpRequest) -> HttpResponse:
    """The code that came to the mailbox; then a new password has to be set."""
    email = request.session.get(TYPED)
    if not email:
        return redirect("first-sign-in")
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            found = activation.prove_code(
                email, form.cleaned_data["code"], network_address=network_address(request), now=now_of(request)
            )
        except TooOften as often:
            form.add_error("code", words.wait_text(often))
        except ActivationRefused:
            form.add_error("code", _("This is not the code we sent last, or it is older than 15 minutes."))
        else:
            del request.session[TYPED]
            prove(request, found)
            return redirect("activate")
    return page(request, "account/first_code.html", public_frame(request), form=form, email=email)
