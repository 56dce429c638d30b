"""The claim a page is about: one's own, at the step it is at."""

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from gatepost.access import queries
from gatepost.guardians.applications import consents
from gatepost.guardians.applications.models import Application
from gatepost.portals.frame import signed_in

View = Callable[[HttpRequest, Application], HttpResponse]


def claiming(view: View) -> Callable[[HttpRequest, UUID], HttpResponse]:
    """Hand the view the signed-in person's own claim; 404 for any other."""

    @wraps(view)
    def found(request: HttpRequest, claim_id: UUID) -> HttpResponse:
        return view(request, queries.claim(signed_in(request), claim_id))

    return found


def being_filled_in(view: View) -> View:
    """Only while it is the claimant's turn and the consent is given; otherwise to where it stands."""

    @wraps(view)
    def guarded(request: HttpRequest, claim: Application) -> HttpResponse:
        if not claim.is_with_family or not consents.is_given(claim, consents.NECESSARY):
            return redirect("claim-status", claim.pk)
        return view(request, claim)

    return guarded


def next_url(claim: Application) -> str:
    """The first page that still needs the claimant; empty if none does."""
    if not claim.is_with_family:
        return ""
    given = consents.is_given(claim, consents.NECESSARY)
    return reverse("claim-person" if given else "claim-consent", args=[claim.pk])


def after_person(claim: Application) -> str:
    """What comes after the claimant's own data: a document, or the summary."""
    needs = claim.needs_document and not claim.documents.exists()
    return reverse("claim-documents" if needs else "claim-summary", args=[claim.pk])
