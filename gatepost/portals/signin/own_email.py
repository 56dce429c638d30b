"""The email one signs in with: changed with a code from both mailboxes, and taken back from the old one."""

from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import PUBLIC, SIGNED_IN, open_to
from gatepost.accounts import devices, email_change, proofs
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.email_change import EmailChangeRefused
from gatepost.accounts.models import Account, EmailChange
from gatepost.notify.proofs import CODE, note_mailbox
from gatepost.portals import words
from gatepost.portals.frame import page, public_frame, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.signin.activation import EmailForm
from gatepost.portals.signin.adapter import know
from gatepost.portals.signin.firstsignin import CodeForm
from gatepost.sso import sessions

REFUSALS = {
    "same": gettext_lazy("This is the email of your account already."),
    "wrong": gettext_lazy("The two codes do not fit. Look at the newest mail in both mailboxes."),
    "old": gettext_lazy("These codes are older than 15 minutes, or newer ones were sent. Begin again."),
    "spent": gettext_lazy("That was too often. Begin again in an hour."),
    "taken": gettext_lazy("This email has an account of its own by now."),
    "unknown": gettext_lazy("This link was used already, or it is not complete."),
    "late": gettext_lazy("This link is older than seven days. Please ask your school."),
}


class CodesForm(CodeForm):
    """A code from each mailbox."""

    old_code = forms.RegexField(
        r"^\s*\d{3}\s?\d{3}\s*$",
        label=gettext_lazy("Code from your old mailbox"),
        error_messages={
            "required": gettext_lazy("Type the six digits from the mail."),
            "invalid": gettext_lazy("The code has six digits."),
        },
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off", "maxlength": "8"}),
    )

    def __init__(self, data: object = None) -> None:
        super().__init__(data)  # type: ignore[arg-type]
        self.fields["code"].label = _("Code from your new mailbox")


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    """Which email is the new one; for who has just shown who they are."""
    account, now = signed_in(request), now_of(request)
    if not proofs.is_fresh(request, now=now):
        return HttpResponseRedirect(f"{reverse('sign-in-again')}?{urlencode({'next': reverse('own-email')})}")
    form = EmailForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            email_change.ask(account, form.cleaned_data["email"], now=now)
        except EmailChangeRefused as refused:
            form.add_error("email", str(REFUSALS[refused.code]))
        except TooOften as often:
            form.add_error("email", words.wait_text(often))
        else:
            return redirect("own-email-codes")
    return page(request, "account/own_email.html", public_frame(request), form=form, email=account.email)


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def codes(request: HttpRequest) -> HttpResponse:
    """The codes from both mailboxes; then it is changed, and every other device is out."""
    account, now = signed_in(request), now_of(request)
    waiting = email_change.waiting(account, now=now)
    if waiting is None:
        return redirect("own-email")
    form = CodesForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            return _finish(request, waiting, form)
        except EmailChangeRefused as refused:
            form.add_error("code", str(REFUSALS[refused.code]))
    return page(request, "account/own_email_codes.html", public_frame(request), form=form, change=waiting)


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the old mailbox. Looking at it changes nothing; the button does."""
    now = now_of(request)
    try:
        found = email_change.find(token, now=now)
        if request.method == "POST":
            with transaction.atomic():
                account = email_change.undo(found, now=now)
                sessions.end_all(account.pk, because="account", now=now)
                devices.end_others(account, but="")
            logout(request)
            return page(request, "account/forgotten_sent.html", public_frame(request), email=found.old)
    except EmailChangeRefused as refused:
        status = 404 if refused.code == "unknown" else 410
        frame = public_frame(request)
        return page(request, "account/email_undo.html", frame, status=status, refusal=REFUSALS[refused.code])
    return page(request, "account/email_undo.html", public_frame(request), change=found)


def _finish(request: HttpRequest, waiting: EmailChange, form: CodesForm) -> HttpResponse:
    typed = form.cleaned_data
    email_change.count_try(waiting, now=now_of(request))
    with transaction.atomic():
        account: Account = email_change.finish(waiting, typed["code"], typed["old_code"], now=now_of(request))
        note_mailbox(account.pk, account.email, by=CODE, now=now_of(request))
        devices.end_others(account, but=request.session.session_key or "")
    messages.success(request, _("From now on you sign in with {email}.").format(email=account.email))
    response = redirect("devices")
    know(request, response, account)
    return response
