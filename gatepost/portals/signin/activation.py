"""Opening an account: from the link of a mail to a password and the first sign-in.

The link is looked at once and left behind: the address with its token does not stay in the browser's line. What the
browser holds instead is good for an hour.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from allauth.account.utils import perform_login
from django import forms
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access import invitations, queries
from gatepost.access.doors import PUBLIC, open_to
from gatepost.accounts import activation, second_factor
from gatepost.accounts.activation import ActivationRefused
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.models import Account, Activation
from gatepost.accounts.passwords import is_known_of
from gatepost.guardians.applications import approvals
from gatepost.guardians.models import Guardianship
from gatepost.notify import addresses
from gatepost.notify.proofs import LINK
from gatepost.portals import words
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of
from gatepost.portals.signin.guessed import known_of
from gatepost.portals.visitor import network_address

PROOF = "activation"
PROOF_GOOD_FOR = timedelta(hours=1)

REFUSALS = {
    "unknown": gettext_lazy("This link is not complete, or there is none like it. Open it from the newest mail."),
    "old": gettext_lazy("This link is older than seven days. Have a new one sent."),
    "used": gettext_lazy("This link was used already. Sign in with your email and your password."),
    "withdrawn": gettext_lazy("What this link was for was taken back, or its time is over. Ask who invited you."),
    "other": gettext_lazy("Somebody else is signed in here. Sign out first, then open the link again."),
}
WEAK = {
    "password_too_short": gettext_lazy("Use ten characters or more."),
    "password_too_common": gettext_lazy("Many people use this password. Choose another one."),
    "password_too_similar": gettext_lazy("This is too much like your name or your email. Choose another one."),
    "id_number": gettext_lazy("An ID number is no password: others know it. Choose another one."),
    "password_used": gettext_lazy("You had this password before. Choose another one."),
}


class PasswordForm(forms.Form):
    """A password of one's own, twice, because nobody sees what is typed."""

    password = forms.CharField(
        label=gettext_lazy("New password"),
        strip=False,
        max_length=200,
        help_text=gettext_lazy("Ten characters or more. Three words that only you put together are good."),
        error_messages={"required": gettext_lazy("Type a password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=gettext_lazy("The same once more"),
        strip=False,
        max_length=200,
        error_messages={"required": gettext_lazy("Type the password once more.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, person: Account, **more: Any) -> None:
        super().__init__(*args, **more)
        self._person = person
        is_known_of(person, known_of(person))

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        try:
            validate_password(password, self._person)
        except ValidationError as error:
            raise ValidationError(_said(error)) from error
        return password

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        if "password" in data and "again" in data and data["password"] != data["again"]:
            self.add_error("again", _("The two are not the same. Type both again."))
        return data


def _said(error: ValidationError) -> list[str]:
    """What is wrong with a password, in our words; that it is easy to guess only where nothing else is."""
    codes = [str(one.code) for one in error.error_list]
    texts = [str(WEAK.get(code, text)) for code, text in zip(codes, error.messages, strict=True)]
    return [text for code, text in zip(codes, texts, strict=True) if code != "guessable"] or texts


class EmailForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("Email"),
        max_length=254,
        error_messages={
            "invalid": gettext_lazy("An email address is written like name@example.org."),
            "required": gettext_lazy("Type your email."),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


@open_to(PUBLIC)
@require_safe
def link(request: HttpRequest, token: str) -> HttpResponse:
    """The link of a mail. Opening it uses nothing up: mail programs look at links before people do."""
    try:
        found = activation.find(token, now=now_of(request))
    except ActivationRefused as refused:
        return _refused(request, refused.code)
    if invitations.is_idle(found, now=now_of(request)):
        return _refused(request, "withdrawn")
    prove(request, found)
    return redirect("activate")


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def activate(request: HttpRequest) -> HttpResponse:
    """Set a password and be signed in; or, with an account already, confirm with it."""
    now = now_of(request)
    found = _proven(request, now)
    if found is None:
        return redirect("activation-again")
    if found.used_at is not None:
        return _refused(request, "used")
    if found.withdrawn_at is not None or invitations.is_idle(found, now=now):
        return _refused(request, "withdrawn")
    if isinstance(request.user, Account):
        return _confirm(request, found, request.user, now)
    offers = _offers(found, now)
    if activation.account_of(found) is not None:
        return page(request, "account/activation_known.html", public_frame(request), email=found.email, offers=offers)
    person = Account(email=found.email, name=found.name)
    form = PasswordForm(request.POST or None, person=person)
    if request.method == "POST" and form.is_valid():
        return _open(request, found, form.cleaned_data["password"], now)
    return page(request, "account/activation.html", public_frame(request), form=form, email=found.email, offers=offers)


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def again(request: HttpRequest) -> HttpResponse:
    """Have a new link sent. The answer is the same for every address."""
    form = EmailForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            activation.ask_again(
                form.cleaned_data["email"], network_address=network_address(request), now=now_of(request)
            )
        except TooOften as often:
            form.add_error("email", words.wait_text(often))
        else:
            return page(request, "account/activation_sent.html", public_frame(request))
    return page(request, "account/activation_again.html", public_frame(request), form=form)


def prove(request: HttpRequest, found: Activation) -> None:
    """This browser has shown that it reads the mailbox of `found`."""
    until = now_of(request) + PROOF_GOOD_FOR
    request.session[PROOF] = {"id": str(found.pk), "until": until.isoformat()}


def _proven(request: HttpRequest, now: datetime) -> Activation | None:
    held = request.session.get(PROOF)
    if not held or now >= datetime.fromisoformat(held["until"]):
        return None
    return Activation.objects.filter(pk=held["id"]).first()


def _open(request: HttpRequest, found: Activation, password: str, now: datetime) -> HttpResponse:
    try:
        with transaction.atomic():
            account = activation.open_account(found, password, now=now)
            opened, kept = _take(found, account, now)
    except ActivationRefused as refused:
        return redirect("activate") if refused.code == "known" else _refused(request, refused.code)
    del request.session[PROOF]
    messages.success(request, _("Your account is open. From now on sign in with your email and this password."))
    _say_what_became_of_bonds(request, opened, kept)
    answer: HttpResponse = perform_login(request, account, email_verification="none", redirect_url=reverse("home"))
    return answer


def _confirm(request: HttpRequest, found: Activation, account: Account, now: datetime) -> HttpResponse:
    if account.email.lower() != found.email.lower():
        return _refused(request, "other")
    if request.method != "POST":
        offers = _offers(found, now)
        frame = public_frame(request)
        return page(request, "account/activation_confirm.html", frame, email=account.email, offers=offers)
    try:
        with transaction.atomic():
            activation.confirm(found, account, now=now)
            opened, kept = _take(found, account, now)
    except ActivationRefused as refused:
        return _refused(request, refused.code)
    del request.session[PROOF]
    if queries.lacks_second_factor(account, second_factor.shown_in(request.session)):
        logout(request)  # the door would, with the next page; so the way to the second factor begins here
        _say_what_is_new(request, opened, kept)
        answer: HttpResponse = perform_login(request, account, email_verification="none", redirect_url=reverse("home"))
        return answer
    _say_what_is_new(request, opened, kept)
    return redirect("home")


def _say_what_is_new(request: HttpRequest, opened: Sequence[Guardianship], kept: int) -> None:
    _say_what_became_of_bonds(request, opened, kept)
    messages.success(request, _("Confirmed. What was approved is now part of your account."))


def _offers(found: Activation, now: datetime) -> list[dict[str, str]]:
    """The roles that somebody takes with this link, in words."""
    return [words.offer(one) for one in invitations.waiting(found.email, now=now)]


def _take(found: Activation, account: Account, now: datetime) -> tuple[list[Guardianship], int]:
    """What a person gets by confirming, in one transaction: a proven address, and the bonds and roles that waited.

    Returns the bonds, and how many a restriction keeps closed.
    """
    addresses.count_as_proven(account, found.email, now=now, by=LINK)
    opened, kept = approvals.take(account, found.email, now=now)
    invitations.accept(account, found.email, now=now)
    return opened, kept


def _say_what_became_of_bonds(request: HttpRequest, opened: Sequence[Guardianship], kept: int) -> None:
    if opened:
        names = words.listed(bond.student.name for bond in opened)
        text = _(
            "We begin to write to you about {names}: arrived, left, not arrived. Choose which in the message settings."
        )
        messages.success(request, text.format(names=names))
    if kept:
        messages.warning(request, _("One child could not be added. Please ask the school’s registrar."))


def _refused(request: HttpRequest, code: str) -> HttpResponse:
    status = 404 if code == "unknown" else 403 if code == "other" else 410
    context = {"reason": REFUSALS[code], "code": code}
    return page(request, "account/activation_refused.html", public_frame(request), status=status, **context)
