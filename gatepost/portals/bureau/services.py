"""The services of the city: who they are, what they may ask for, and who did not confirm a sign-out."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access.doors import open_to
from gatepost.access.models import Role
from gatepost.portals.bureau.service_form import ServiceForm
from gatepost.portals.frame import bureau_frame, page, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.portals.sso.words import GIVES
from gatepost.sso import logouts
from gatepost.sso import services as registered
from gatepost.sso.models import LogoutNotice, Service
from gatepost.sso.services import Kind, ServiceRefused

A_PAGE = 30
UNCONFIRMED_SHOWN = 20
REFUSALS: dict[str, Promise] = {
    "name": gettext_lazy("Another service has this name. Families would not tell them apart."),
    "stopped": gettext_lazy("This service is stopped. Register it anew."),
}
KINDS: dict[Kind, Promise] = {
    Kind.SERVER: gettext_lazy("Web application"),
    Kind.APP: gettext_lazy("App on a phone or in a browser"),
    Kind.DEVICE: gettext_lazy("Device without a keyboard"),
    Kind.MACHINE: gettext_lazy("Machine"),
}
FAILURES: dict[str, Promise] = {
    "": gettext_lazy("not tried yet"),
    "address": gettext_lazy("its address is no https address"),
    "private": gettext_lazy("its address is inside a private network"),
    "unknown": gettext_lazy("its name is not known to the internet"),
    "unreachable": gettext_lazy("it did not answer"),
}


@open_to(Role.Name.BUREAU_OFFICER)
@require_safe
def services(request: HttpRequest) -> HttpResponse:
    """All services, those in use first."""
    found = Service.objects.order_by(F("stopped_at").desc(nulls_first=True), "name")
    shown = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    return page(
        request,
        "bureau/services.html",
        bureau_frame(request, current="services"),
        columns=[{"label": label} for label in (_("Name"), _("Answers for it"), _("May ask for"), _("State"))],
        rows=[_row(one) for one in shown.object_list],
        pager=pager(request, shown),
        new_url=reverse("bureau-service-new"),
    )


@open_to(Role.Name.BUREAU_OFFICER)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Register a service. Its secret is shown in the answer, and never again."""
    form = ServiceForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            one, secret = registered.register(form.facts(), by=signed_in(request), kind=form.of_kind or Kind.SERVER)
        except ServiceRefused as refusal:
            form.add_error("name", str(REFUSALS[refusal.code]))
        else:
            return _show_secret(request, one, secret)
    return _form(request, form, title=_("Register a service"), crumbs=_crumbs(), back_url=reverse("bureau-services"))


@open_to(Role.Name.BUREAU_OFFICER)
@require_safe
def service(request: HttpRequest, service_id: UUID) -> HttpResponse:
    """One service: what it is registered with, and the sign-outs it has not confirmed."""
    one = _one(service_id)
    unconfirmed = logouts.unconfirmed(one)
    return page(
        request,
        "bureau/service.html",
        bureau_frame(request, current="services"),
        service=one,
        card=_card(one),
        facts=_facts(one),
        gets=[{"text": GIVES[scope], "reason": one.reasons.get(scope, "")} for scope in one.scopes],
        columns=[{"label": label} for label in (_("When"), _("Tries"), _("Because"), _("State"))],
        rows=[_unconfirmed(notice) for notice in unconfirmed[:UNCONFIRMED_SHOWN]],
        count=unconfirmed.count(),
        crumbs=_crumbs(),
    )


@open_to(Role.Name.BUREAU_OFFICER)
@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, service_id: UUID) -> HttpResponse:
    """Other facts about a service. Scopes it loses end what people gave of them."""
    one = _in_use(service_id)
    form = ServiceForm(request.POST or None, request.FILES or None, service=one)
    if request.method == "POST" and form.is_valid():
        try:
            registered.change(one, form.facts(), by=signed_in(request), now=now_of(request))
        except ServiceRefused as refusal:
            form.add_error("name", str(REFUSALS[refusal.code]))
        else:
            messages.success(request, _("Saved."))
            return redirect("bureau-service", service_id)
    back_url = reverse("bureau-service", args=[service_id])
    return _form(
        request,
        form,
        title=_("Change {service}").format(service=one.name),
        crumbs=[*_crumbs(), {"label": one.name, "url": back_url}],
        back_url=back_url,
    )


@open_to(Role.Name.BUREAU_OFFICER)
@require_http_methods(["GET", "HEAD", "POST"])
def secret(request: HttpRequest, service_id: UUID) -> HttpResponse:
    """Another secret, after a confirmation; the old one opens nothing any more."""
    one = _in_use(service_id)
    if one.client_type == Service.CLIENT_PUBLIC:
        raise Http404("an app has no secret")
    if request.method == "POST":
        return _show_secret(request, one, registered.new_secret(one, by=signed_in(request)))
    confirm = {
        "title": _("Make a new secret for {service}?").format(service=one.name),
        "count": 1,
        "unit": _("service signs nobody in until it has the new secret"),
        "facts": [_("The old secret opens nothing any more, at once."), _("Whoever is signed in there stays so.")],
        "action": {"label": _("Make a new secret"), "url": request.path, "kind": "danger"},
        "back_url": reverse("bureau-service", args=[service_id]),
    }
    return page(request, "portals/confirm.html", bureau_frame(request, current="services"), confirm=confirm)


@open_to(Role.Name.BUREAU_OFFICER)
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, service_id: UUID) -> HttpResponse:
    """Stop a service for good, after a confirmation."""
    one = _in_use(service_id)
    if request.method == "POST":
        registered.stop(one, by=signed_in(request), now=now_of(request))
        messages.success(request, _("{service} is stopped.").format(service=one.name))
        return redirect("bureau-services")
    count = one.consents.filter(withdrawn_at=None).count()
    confirm = {
        "title": _("Stop {service} for good?").format(service=one.name),
        "count": count,
        "unit": ngettext("person can no longer sign in to it", "people can no longer sign in to it", count),
        "facts": [
            _("What it holds of them opens nothing here any more, from this moment on."),
            _("It cannot be started again: it would be registered anew, and everybody asked anew."),
        ],
        "action": {"label": _("Stop it"), "url": request.path, "kind": "danger"},
        "back_url": reverse("bureau-service", args=[service_id]),
    }
    return page(request, "portals/confirm.html", bureau_frame(request, current="services"), confirm=confirm)


def _one(service_id: UUID) -> Service:
    found: Service | None = Service.objects.filter(pk=service_id).first()
    if found is None:
        raise Http404("no such service")
    return found


def _in_use(service_id: UUID) -> Service:
    found = _one(service_id)
    if found.stopped_at is not None:
        raise Http404("it is stopped")
    return found


def _form(request: HttpRequest, form: ServiceForm, **context: Any) -> HttpResponse:
    return page(request, "bureau/service_form.html", bureau_frame(request, current="services"), form=form, **context)


def _show_secret(request: HttpRequest, one: Service, made: str) -> HttpResponse:
    return page(
        request,
        "bureau/service_secret.html",
        bureau_frame(request, current="services"),
        service=one,
        secret=made,
        crumbs=_crumbs(),
        done_url=reverse("bureau-service", args=[one.pk]),
    )


def _row(one: Service) -> dict[str, Any]:
    state, word = ("closed", _("Stopped")) if one.stopped_at else ("done", pgettext("a service now", "In use"))
    cells = [
        {"text": one.name, "url": reverse("bureau-service", args=[one.pk])},
        {"text": one.answers_name, "detail": one.answers_email, "label": _("Answers for it")},
        {"text": ", ".join(one.scopes) or "–", "label": _("May ask for")},
        {"text": word, "state": state, "label": _("State")},
    ]
    return {"cells": cells}


def _facts(one: Service) -> list[dict[str, str]]:
    facts = [
        (_("What kind"), KINDS[registered.kind_of(one)]),
        (_("Name for the protocol (client_id)"), one.client_id),
        (_("Answers for it"), f"{one.answers_name} ({one.answers_email})"),
        (_("After signing in, back to"), one.redirect_uris),
        (_("After signing out, back to"), one.post_logout_redirect_uris),
        (_("Is told of a sign-out at"), one.backchannel_logout_uri),
        (_("Its tile leads to"), one.start_url),
    ]
    if one.authorization_grant_type == Service.GRANT_AUTHORIZATION_CODE:
        proof = _("always") if one.pkce_required else _("not always: it cannot do it")
        facts.append((_("Proof of the request (PKCE)"), proof))
    return [{"label": label, "value": str(value)} for label, value in facts if value]


def _card(one: Service) -> dict[str, Any]:
    acts = [(_("Change"), "bureau-service-change", ""), (_("New secret"), "bureau-service-secret", "plain")]
    if one.client_type == Service.CLIENT_PUBLIC:
        del acts[1]
    acts.append((_("Stop it"), "bureau-service-stop", "plain"))
    return {
        "name": one.name,
        "detail": one.about,
        "state": "closed" if one.stopped_at else "done",
        "word": _("Stopped") if one.stopped_at else pgettext("a service now", "In use"),
        "actions": []
        if one.stopped_at
        else [{"label": label, "url": reverse(url, args=[one.pk]), "kind": kind} for label, url, kind in acts],
    }


def _unconfirmed(notice: LogoutNotice) -> dict[str, Any]:
    because = FAILURES.get(notice.because) or _("it answered with an error ({answer})").format(
        answer=notice.because.removeprefix("answer ")
    )
    waits = notice.due_at is not None
    cells = [
        {"text": localtime(notice.asked_at).strftime("%Y/%m/%d %H:%M:%S")},
        {"text": notice.tries, "label": _("Tries")},
        {"text": because, "label": _("Because")},
        {
            "text": _("Is tried again") if waits else _("Given up"),
            "state": "waiting" if waits else "held",
            "label": _("State"),
        },
    ]
    return {"cells": cells}


def _crumbs() -> list[dict[str, str]]:
    return [{"label": _("Services"), "url": reverse("bureau-services")}]
