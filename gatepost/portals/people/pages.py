"""Who has which role since when, by whom, and what can be done about it."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from gatepost.access import appointments, invitations
from gatepost.access.appointments import AppointmentRefused
from gatepost.access.models import Invitation, Role
from gatepost.accounts.models import Account
from gatepost.portals.frame import page, signed_in
from gatepost.portals.moment import now_of
from gatepost.portals.paging import pager
from gatepost.portals.people.offices import Office
from gatepost.portals.people.wordings import day, last_day, role_at, since
from gatepost.roster.models import School

A_PAGE = 50
INVITED_MOST = 100
SCHOOLS_MOST = 20
LAST = "last"
REFUSALS = {
    "last": gettext_lazy(
        "Nothing was changed: nobody else has this role, and without it nobody could give roles any more. "
        "Invite somebody first, and wait until they have accepted."
    ),
    "ended": gettext_lazy("This role was ended already."),
    "not_yours": gettext_lazy("This is not yours to do. Ask who stands above you."),
}


@require_safe
def overview(request: HttpRequest, office: Office) -> HttpResponse:
    """Everybody this office looks after, the invitations under way, and for the bureau the schools without anybody."""
    q = request.GET.get("q", "").replace("\0", "").strip()
    shown = Paginator(_found(_roles(request, office), q), A_PAGE).get_page(request.GET.get("page"))
    columns = (_("Who"), _("Role"), _("Since"), _("Until"), _("Last sign-in"), _("What you can do"))
    return page(
        request,
        "people/people.html",
        office.frame,
        q=q,
        url=office.url("people"),
        new_url=office.url("person-new"),
        columns=[{"label": label} for label in columns],
        rows=_rows(request, office, list(shown)),
        pager=pager(request, shown),
        invited=[_invited(request, office, one) for one in looked_after_here(request, office)[:INVITED_MOST]],
        without=[] if office.prefix != "bureau" else _schools_without_anybody(),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, office: Office, role_id: int) -> HttpResponse:
    """End a role, after a page that says what it does; one's own as well, if one asks for it."""
    role = _roles(request, office).filter(pk=role_id).first()
    if role is None:
        raise Http404("no such role here")
    own, last = role.account_id == signed_in(request).pk, appointments.is_last(role)
    if request.method == "POST":
        return _end(request, office, role)
    if last and own:
        messages.error(request, REFUSALS["last"])
        return redirect(office.url("people"))
    if last and LAST not in request.GET:  # who posts to this address has read that nobody would be left
        return redirect(f"{request.path}?{LAST}=1")
    facts = [_("From now on it opens nothing, in browsers that are signed in now as well.")]
    if own:
        facts.append(_("It is your own role: you cannot take this back yourself."))
    if last:
        facts.append(_("Nobody else has this role here. Until somebody new has accepted it, nobody can give roles."))
    return page(
        request,
        "portals/confirm_plainly.html",
        office.frame,
        title=_("End the role of {name}?").format(name=role.account.get_full_name()),
        lead=role_at(role),
        facts=[
            *facts,
            _("The account stays, with whatever else it may do. To have the role again takes an invitation."),
        ],
        button=_("End the role though nobody else has it") if last else _("End the role"),
        back_url=office.url("people"),
        crumbs=office.crumbs,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def take_second_factor_off(request: HttpRequest, office: Office, account_id: UUID) -> HttpResponse:
    """For a lost device, after a page that says whom to ask first."""
    role = _roles(request, office).filter(account=account_id).first()
    if role is None or not appointments.may_help(signed_in(request), role.account):
        raise Http404("nobody of yours")
    name = role.account.get_full_name()
    if request.method == "POST":
        appointments.take_second_factor_off(role.account, by=signed_in(request), now=now_of(request))
        messages.success(request, _("Taken off. {name} sets up a new one at the next sign-in.").format(name=name))
        return redirect(office.url("people"))
    return page(
        request,
        "portals/confirm_plainly.html",
        office.frame,
        title=_("Take the second factor off the account of {name}?").format(name=name),
        lead=_("For a device that is lost or broken, when no recovery code is left."),
        facts=[
            _("First make sure that it is {name} who asks: in person, or by a number that you know.").format(name=name),
            _("The device and the recovery codes are good for nothing from now on."),
            _("Whoever knows the password can then set up a new one, so {name} also gets a mail.").format(name=name),
        ],
        button=_("Take it off"),
        back_url=office.url("people"),
        crumbs=office.crumbs,
    )


def _end(request: HttpRequest, office: Office, role: Role) -> HttpResponse:
    try:
        appointments.end(role, by=signed_in(request), though_last=LAST in request.GET, now=now_of(request))
    except AppointmentRefused as refused:
        messages.error(request, REFUSALS[refused.code])
    else:
        messages.success(request, _("The role is ended."))
    return redirect("home" if role.account_id == signed_in(request).pk else office.url("people"))


def _roles(request: HttpRequest, office: Office) -> QuerySet[Role]:
    found = appointments.looked_after(signed_in(request)).filter(name__in=office.gives)
    if office.school is not None:
        found = found.filter(school=office.school)
    return found.order_by("school__code", "account__name", "account__email", "pk")


def looked_after_here(request: HttpRequest, office: Office) -> QuerySet[Invitation]:
    """The invitations that are open, or were not accepted in time."""
    found = invitations.looked_after(signed_in(request)).filter(role__in=office.gives)
    return found.filter(school=office.school) if office.school is not None else found


def _found(roles: QuerySet[Role], q: str) -> QuerySet[Role]:
    if not q:
        return roles
    named = Q(account__name__icontains=q) | Q(account__email__icontains=q)
    return roles.filter(named | Q(school__name__icontains=q) | Q(school__code=q))


def _schools_without_anybody() -> list[dict[str, str]]:
    led = appointments.led_schools()
    found = School.objects.exclude(opened_at=None).exclude(pk__in=led).order_by("code")
    return [{"text": school.short_name, "note": school.code} for school in found[:SCHOOLS_MOST]]


def _rows(request: HttpRequest, office: Office, roles: list[Role]) -> list[dict[str, Any]]:
    helped = appointments.helped(signed_in(request), {role.account_id for role in roles})
    return [_row(request, office, role, helped=role.account_id in helped) for role in roles]


def _row(request: HttpRequest, office: Office, role: Role, *, helped: bool) -> dict[str, Any]:
    account = role.account
    cells = [
        {"text": account.get_full_name(), "detail": account.email if account.name else ""},
        {"text": role_at(role, inside=office.school), "label": _("Role")},
        {"text": day(role.granted_at, role.school), "detail": since(role), "label": _("Since")},
        {"text": last_day(role.valid_until, role.school), "label": _("Until")},
        {"text": day(account.last_login, role.school) or _("never"), "label": _("Last sign-in")},
    ]
    return {"cells": cells, "actions": _actions(request, office, role, helped=helped)}


def _actions(request: HttpRequest, office: Office, role: Role, *, helped: bool) -> list[dict[str, str]]:
    account: Account = role.account
    own = account.pk == signed_in(request).pk
    end = {
        "label": _("Give up…") if own else _("End…"),
        "url": office.url("role-end", role_id=role.pk),
        "kind": "quiet",
        "about": account.get_full_name(),
    }
    if not helped:
        return [end]
    help_url = office.url("second-factor-off", account_id=account.pk)
    return [end, {"label": _("Device lost…"), "url": help_url, "kind": "quiet", "about": account.get_full_name()}]


def _invited(request: HttpRequest, office: Office, one: Invitation) -> dict[str, Any]:
    over = one.until <= now_of(request)
    by = one.invited_by.get_full_name() if one.invited_by else ""
    return {
        "name": one.name,
        "detail": one.email,
        "state": "failed" if over else "queued",
        "word": _("Not accepted in time") if over else _("Not accepted yet"),
        "facts": [
            {"label": _("Role"), "value": role_at(one, inside=office.school)},
            {
                "label": _("Invited on"),
                "value": " ".join(part for part in (day(one.invited_at, one.school), by) if part),
            },
            {"label": _("Open until"), "value": day(one.until, one.school)},
        ],
        "actions": [
            {
                "label": _("Send again"),
                "url": office.url("invitation-again", invitation_id=one.pk),
                "kind": "plain",
                "method": "post",
                "about": one.name,
            },
            {
                "label": _("Take back"),
                "url": office.url("invitation-withdrawal", invitation_id=one.pk),
                "kind": "quiet",
                "method": "post",
                "about": one.name,
            },
        ],
    }
