"""In plain words what a service asks for, and what it gets."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gatepost.accounts.models import Account
from gatepost.portals.frame import child_detail
from gatepost.sso import consents
from gatepost.sso.models import Service
from gatepost.sso.scopes import CHILDREN, OPENID

CHILDREN_MOST = 100
GIVES: dict[str, Promise] = {
    "openid": _("A number that stands for you at this service and nowhere else"),
    "profile": _("Your name and your language"),
    "email": _("Your email address"),
    "phone": _("Your phone number, once you have proven one"),
    "role": _("Whether you are a guardian, and what you do at a school"),
    "school": _("The schools where you work, and your class"),
    "children": _("Of each child you choose: name, school, class, seat and student number"),
    "schools": _("The schools of the city and their classes, and no person"),
}


def gives(service: Service, scopes: Iterable[str], *, has_children: bool) -> list[dict[str, Any]]:
    """What `scopes` give to `service`, each with the reason the bureau wrote down."""
    shown = [scope for scope in GIVES if scope in {OPENID, *scopes} and (scope != CHILDREN or has_children)]
    return [{"text": GIVES[scope], "reason": service.reasons.get(scope, "")} for scope in shown]


def child_choices(account: Account, service: Service) -> list[dict[str, Any]]:
    """The children a guardian may give, and which are given."""
    given = set(consents.children_given(account, service).values_list("pk", flat=True))
    return [
        {"id": child.pk, "name": child.name, "detail": child_detail(child), "given": child.pk in given}
        for child in consents.children_to_give(account)
    ]


def chosen(fields: QueryDict) -> list[UUID]:
    """The children ticked in a form."""
    found = []
    for written in fields.getlist("child")[:CHILDREN_MOST]:
        try:
            found.append(UUID(written))
        except ValueError:
            continue
    return found
