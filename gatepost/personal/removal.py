"""What is removed of an account that is closed, step by step; each step runs in a transaction of its own.

What stays: the bonds with their times, decisions of schools, consents, the log of acts, deliveries until their month is
dropped, orders of courts. All of it names the account by its number alone, which leads to no name and no mail any more.
A restriction keeps what it needs to meet the person again: closing an account is no way around it.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import IntegrityError, transaction

from gatepost.access.models import Invitation
from gatepost.accounts import departure
from gatepost.accounts.models import Account
from gatepost.guardians import bonds
from gatepost.guardians.applications import family
from gatepost.guardians.applications.mailbox import Letter
from gatepost.guardians.applications.models import Applicant, Application, Document
from gatepost.guardians.models import Guardianship, Restriction
from gatepost.guardians.proofs import ProvenNumber
from gatepost.notify.models import Address, AddressProof, LineLink, Recipient
from gatepost.personal.models import Copy
from gatepost.roster.models import Staff
from gatepost.sso import consents, sessions
from gatepost.sso.models import Consent as ServiceConsent
from gatepost.upstream.models import Asking, Link


def end_bonds(account: Account, now: datetime) -> None:
    """Messages stop with them, and pages open nothing."""
    for bond in Guardianship.objects.filter(account=account, ended_at=None).order_by("pk"):
        bonds.end_bond(bond, by=account, now=now, because="guardian")


def leave_services(account: Account, now: datetime) -> None:
    for consent in ServiceConsent.objects.filter(account=account, withdrawn_at=None).order_by("pk"):
        consents.withdraw(consent, by=account, now=now)
    sessions.end_all(account.pk, because="account", now=now)


def forget_ways_in(account: Account, _now: datetime) -> None:
    """Those of ours, and identities of the city and the state."""
    departure.forget_ways_in(account)
    for model in (Link, Asking):
        model._default_manager.filter(account=account).delete()


def forget_addresses(account: Account, _now: datetime) -> None:
    for model in (Recipient, Address, AddressProof, LineLink):
        model._default_manager.filter(account=account).delete()


def keep_restrictions(account: Account, _now: datetime) -> None:
    """Before the number is forgotten: an order on this account meets the person's next one by it."""
    proven = ProvenNumber.objects.filter(account=account).order_by("ended_at", "-pk").values_list("digest", flat=True)
    bound = Guardianship.objects.filter(account=account, person_digest__isnull=False)
    found = [*proven, *bound.order_by("-pk").values_list("person_digest", flat=True)]
    known = [bytes(digest) for digest in found if digest is not None]
    for restriction in Restriction.objects.filter(account=account, lifted_at=None):
        restriction.person_name = restriction.person_name or account.name
        restriction.save(update_fields=["person_name"])
        if known and restriction.person_digest is None:
            try:
                with transaction.atomic():
                    restriction.person_digest = known[0]
                    restriction.save(update_fields=["person_digest"])
            except IntegrityError:  # the same order stands with the number already
                continue


def forget_numbers(account: Account, _now: datetime) -> None:
    ProvenNumber.objects.filter(account=account).delete()
    Guardianship.objects.filter(account=account).update(person_digest=None)


def forget_applications(account: Account, now: datetime) -> None:
    """Who applied is forgotten, and the papers where nobody else applied with them; what was decided stays."""
    for claim in Application.objects.filter(account=account, decided_at=None, withdrawn_at=None):
        family.withdraw(claim, now=now)
    mine = Applicant.objects.filter(account=account) | Applicant.objects.filter(application__account=account)
    ids = list(mine.values_list("pk", "application_id"))
    applications = [application for _applicant, application in ids]
    others = Applicant.objects.filter(application__in=applications).exclude(pk__in=[pk for pk, _one in ids])
    shared = set(others.values_list("application_id", flat=True))
    Document.objects.filter(application__in=[one for one in applications if one not in shared]).delete()
    Letter.objects.filter(applicant__in=[pk for pk, _one in ids]).delete()
    Applicant.objects.filter(pk__in=[pk for pk, _one in ids]).update(
        name="",
        mobile="",
        email="",
        email_proven_at=None,
        email_refused_at=None,
        id_number_sealed=None,
        id_number_digest=None,
    )


def forget_person(account: Account, _now: datetime) -> None:
    """The last one: name and mail."""
    Copy.objects.filter(account=account).delete()
    Staff.objects.filter(account=account).update(account=None)
    Invitation.objects.filter(activation__account=account).update(email=departure.nowhere(account), name="")
    departure.forget_name(account)


STEPS: dict[str, Callable[[Account, datetime], None]] = {
    "bonds": end_bonds,
    "services": leave_services,
    "ways_in": forget_ways_in,
    "addresses": forget_addresses,
    "restrictions": keep_restrictions,
    "numbers": forget_numbers,
    "applications": forget_applications,
    "person": forget_person,
}
