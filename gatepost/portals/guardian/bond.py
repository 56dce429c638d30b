"""A guardian leaves: their own bond with one child ends, by themselves."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from gatepost.access import queries
from gatepost.access.doors import SIGNED_IN, open_to
from gatepost.guardians import bonds
from gatepost.portals.frame import family_frame, page, signed_in
from gatepost.portals.moment import now_of


@open_to(SIGNED_IN)
@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, student_id: UUID) -> HttpResponse:
    """Asks, in one clear sentence; POST ends the bond."""
    account = signed_in(request)
    bond = queries.bond(account, student_id)
    if request.method == "POST":
        bonds.end_bond(bond, by=account, now=now_of(request), because="guardian")
        messages.success(request, _("Your bond with {child} is ended.").format(child=bond.student.name))
        return redirect("family-settings")
    return page(
        request,
        "guardian/bond_end.html",
        family_frame(request, current="settings"),
        title=_("End your bond with {child}?").format(child=bond.student.name),
        facts=[
            _("From this moment on you see nothing of {child} here and get no messages.").format(
                child=bond.student.name
            ),
            _("Other guardians keep theirs. Your account stays."),
            _("To come back you apply to the school again."),
        ],
        crumbs=[{"label": _("Account settings"), "url": reverse("family-settings")}],
        back_url=reverse("family-settings"),
    )
