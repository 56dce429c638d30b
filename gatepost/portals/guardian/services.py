"""The services a person can go to, what they gave to each, and taking it back."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.portals import words
from gatepost.portals.frame import family_frame, page, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.sso.words import child_choices, chosen, gives
from gatepost.sso import consents
from gatepost.sso import services as registered
from gatepost.sso.models import Consent
from gatepost.sso.scopes import CHILDREN


@open_to(SIGNED_IN)
@require_safe
def services(request: HttpRequest) -> HttpResponse:
    """A tile for each service, and what was given."""
    account = signed_in(request)
    tiles = [
        {
            "label": one.name,
            "url": one.start_url,
            "about": one.about,
            "logo": reverse("service-logo", args=[one.pk]) if one.logo else "",
        }
        for one in registered.with_tile()
    ]
    return page(
        request,
        "guardian/services.html",
        family_frame(request, current="services"),
        tiles=tiles,
        given=[_given(consent) for consent in registered.given_by(account)],
    )


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def service(request: HttpRequest, service_id: UUID) -> HttpResponse:
    """What one service gets; the children among it can be changed."""
    account = signed_in(request)
    consent = _own(request, service_id)
    if request.method == "POST":
        consents.set_children(consent, account, chosen(request.POST), now=now_of(request))
        names = words.listed(child.name for child in consents.children_given(account, consent.service))
        text = _("It may know of {children}.").format(children=names) if names else _("It may know of no child.")
        messages.success(request, text)
        return redirect("family-service", service_id)
    children = child_choices(account, consent.service) if CHILDREN in consent.scopes else []
    return page(
        request,
        "guardian/service.html",
        family_frame(request, current="services"),
        service=consent.service,
        since=words.slashed(localtime(consent.given_at).date()),
        gives=gives(consent.service, consent.scopes, has_children=bool(children)),
        children=children,
        withdrawal_url=reverse("family-service-withdrawal", args=[service_id]),
        crumbs=_crumbs(),
    )


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def withdrawal(request: HttpRequest, service_id: UUID) -> HttpResponse:
    """Asks, then takes back all that was given to one service."""
    consent = _own(request, service_id)
    name = consent.service.name
    if request.method == "POST":
        consents.withdraw(consent, by=signed_in(request), now=now_of(request))
        messages.success(request, _("{service} gets nothing from here any more.").format(service=name))
        return redirect("family-services")
    back_url = reverse("family-service", args=[service_id])
    return page(
        request,
        "guardian/service_withdrawal.html",
        family_frame(request, current="services"),
        title=_("Take back what you gave to {service}?").format(service=name),
        facts=[
            _("From this moment on it gets nothing from here, and you are signed out there as far as it can be told."),
            _("What it knows already stays with it: to have that deleted, write to {email}.").format(
                email=consent.service.answers_email
            ),
            _("When you sign in to it again, you are asked again."),
        ],
        crumbs=[*_crumbs(), {"label": name, "url": back_url}],
        back_url=back_url,
    )


def _own(request: HttpRequest, service_id: UUID) -> Consent:
    found = registered.given_by(signed_in(request)).filter(service=service_id).first()
    if found is None:
        raise Http404("nothing given to such a service")
    return found


def _given(consent: Consent) -> dict[str, Any]:
    since = _("since {day}").format(day=words.slashed(localtime(consent.given_at).date()))
    return {"text": consent.service.name, "note": since, "url": reverse("family-service", args=[consent.service_id])}


def _crumbs() -> list[dict[str, str]]:
    return [{"label": _("Services"), "url": reverse("family-services")}]
