"""Signing in with a code that comes by mail. Whatever email is typed, the next page asks for the code.

What the browser asked for lies in its session, on our side: a code is only ever looked at beside it.
"""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from gatepost.access.doors import PUBLIC, open_to
from gatepost.accounts import mailed_codes
from gatepost.accounts.attempts import TooOften
from gatepost.accounts.mailed_codes import Asked, CodeRefused
from gatepost.accounts.models import Account
from gatepost.notify.proofs import SIGN_IN, note_mailbox
from gatepost.portals import words
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of
from gatepost.portals.signin.activation import EmailForm
from gatepost.portals.signin.adapter import is_known
from gatepost.portals.signin.aims import wanted
from gatepost.portals.signin.firstsignin import CodeForm
from gatepost.portals.visitor import network_address

ASKED, AIM = "mailed-code", "mailed-code-aim"
REFUSALS = {
    "wrong": gettext_lazy("This is not the code that this browser asked for last. Look at the newest mail."),
    "old": gettext_lazy("This code is older than ten minutes. Have a new one sent."),
    "used": gettext_lazy("This code was used already. Have a new one sent."),
    "spent": gettext_lazy("That was five wrong codes: this one opens nothing any more. Have a new one sent."),
}


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest) -> HttpResponse:
    """Have a code sent. The answer is the same for every address."""
    aim = wanted(request)
    if request.user.is_authenticated:
        return redirect(aim or "home")
    form = EmailForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        email = form.cleaned_data["email"]
        try:
            asked = mailed_codes.ask(
                email,
                network_address=network_address(request),
                is_known=is_known(request, email),
                now=now_of(request),
            )
        except TooOften as often:
            form.add_error("email", words.wait_text(often))
        else:
            request.session[ASKED], request.session[AIM] = asked.as_text(), aim
            return redirect("mailed-code-typed")
    frame = public_frame(request) | {"sign_in_url": ""}
    return page(request, "account/mailed_code.html", frame, form=form, next=aim)


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def typed(request: HttpRequest) -> HttpResponse:
    """The code; then the sign-in goes on as after a password."""
    if request.user.is_authenticated:
        return redirect("home")
    if ASKED not in request.session:
        messages.warning(request, _("A code works only in the browser that asked for it. Have one sent from here."))
        return redirect("mailed-code")
    asked = Asked.from_text(request.session[ASKED])
    form = CodeForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            account = mailed_codes.check(asked, form.cleaned_data["code"], now=now_of(request))
        except CodeRefused as refused:
            form.add_error("code", str(REFUSALS[refused.code]))
        else:
            note_mailbox(account.pk, account.email, by=SIGN_IN, now=now_of(request))
            return _sign_in(request, account)
    frame = public_frame(request) | {"sign_in_url": ""}
    aim = request.session.get(AIM, "")
    return page(request, "account/mailed_code_typed.html", frame, form=form, email=asked.email, next=aim)


def _sign_in(request: HttpRequest, account: Account) -> HttpResponse:
    record_authentication(request, account, method="code", email=account.email)
    aim = request.session.get(AIM, "")
    answer: HttpResponse = perform_login(request, account, email_verification="none", redirect_url=aim or None)
    if request.user.is_authenticated:  # else a second factor is asked for first, and the code stays used
        for kept in (ASKED, AIM):
            request.session.pop(kept, None)
    return answer
