"""Signing in by one's telephone number: to the portal with a form, and back by a form of the portal's.

What the portal posts comes from another site, so the browser sends it without its session: it is looked at and put
away, and counts only in the browser that was sent there, on the page after.
"""

from urllib.parse import urlsplit
from uuid import uuid4

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gatepost.access.doors import PUBLIC, open_to
from gatepost.accounts.attempts import TooOften
from gatepost.portals.frame import page, public_frame
from gatepost.portals.moment import now_of
from gatepost.portals.signin import upstream
from gatepost.portals.signin.twfido import NumberForm
from gatepost.upstream import askings, mobile_id
from gatepost.upstream.identity import UpstreamRefused
from gatepost.upstream.models import Provider

HERE = Provider.MOBILE_ID


class PhoneForm(NumberForm):
    """One's ID number, telephone number and company."""

    phone = forms.RegexField(
        r"^\s*09\d{2}[\s-]?\d{3}[\s-]?\d{3}\s*$",
        label=gettext_lazy("Your mobile number"),
        help_text=gettext_lazy("Under your own name, with a contract. Use this phone, with mobile data on."),
        error_messages={
            "required": gettext_lazy("Type your mobile number."),
            "invalid": gettext_lazy("A mobile number has ten digits and begins with 09."),
        },
        widget=forms.TextInput(attrs={"autocomplete": "tel-national", "inputmode": "tel", "maxlength": "14"}),
    )
    operator = forms.ChoiceField(
        label=gettext_lazy("Your telephone company"), choices=list(mobile_id.OPERATORS.items()), initial="CHT"
    )

    def clean_phone(self) -> str:
        return "".join(figure for figure in self.cleaned_data["phone"] if figure.isdigit())


@sensitive_post_parameters("number", "phone")
@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: HttpRequest) -> HttpResponse:
    """The numbers; then the form that goes to the portal."""
    _require_open()
    if not upstream.may_begin(request, HERE):
        return redirect("own-ways")
    typed = PhoneForm(request.POST or None)
    frame = public_frame(request) | {"sign_in_url": ""}
    if request.method != "POST" or not typed.is_valid():
        return page(request, "account/mobile_id.html", frame, form=typed)
    now, state, data = now_of(request), str(uuid4()), typed.cleaned_data
    try:
        upstream.count_start(request)
        upstream.count_number(data["number"], now=now)
        kept = mobile_id.begin(data["number"], data["phone"], data["operator"], state, _back())
    except TooOften:
        return upstream.refused(request, HERE, "often")
    except UpstreamRefused as refused:
        return upstream.refused(request, HERE, refused.code)
    upstream.begin(request, HERE, state, kept, now=now)
    address, fields = mobile_id.form(kept)
    answer = page(request, "account/mobile_id_go.html", frame, address=address, fields=fields)
    there = urlsplit(address)
    # This one page may send a form to the portal.
    answer._csp_update = {"form-action": [f"{there.scheme}://{there.netloc}"]}  # type: ignore[attr-defined]
    return answer


@csrf_exempt  # the portal's own form; what it holds is signed
@sensitive_post_parameters()
@open_to(PUBLIC)
@require_POST
def back(request: HttpRequest) -> HttpResponse:
    """What the portal found, posted through the browser. It signs nobody in yet."""
    _require_open()
    posted = {name: str(value) for name, value in request.POST.items()}
    try:
        asking = askings.of_state(HERE, posted.get("VerifyNo", ""))
        askings.require_open(asking, now=now_of(request))
        mobile_id.require_yes(posted, askings.kept(asking))
    except UpstreamRefused as refused:
        if refused.code != "unproven":
            return upstream.refused(request, HERE, refused.code)
        askings.keep(asking, {"refused": refused.code})
    else:
        askings.keep(asking, {"yes": "1"})
    return HttpResponse(status=303, headers={"Location": reverse("mobile-id-done")})


@open_to(PUBLIC)
@require_safe
def done(request: HttpRequest) -> HttpResponse:
    """In the browser that was sent away: signed in, or connected."""
    _require_open()
    now = now_of(request)
    try:
        asking = upstream.held(request, HERE)
        kept = askings.kept(asking)
        if not kept.get("yes") and not kept.get("refused"):
            raise UpstreamRefused("denied")  # came back by the browser's own button
        askings.use(asking, now=now)
        if kept.get("refused"):
            raise UpstreamRefused(kept["refused"])
        return upstream.finish(request, asking, mobile_id.finish(kept), now=now)
    except UpstreamRefused as refused:
        return upstream.refused(request, HERE, refused.code)


def _back() -> str:
    return settings.SITE_URL + reverse("mobile-id-back")


def _require_open() -> None:
    if not upstream.is_open(HERE):
        raise Http404("switched off")
