"""How a bond and its rights are said, to families and to schools."""

from collections.abc import Collection

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from gatepost.guardians.applications.models import Relation
from gatepost.guardians.models import Guardianship, Right
from gatepost.portals.words import listed

RIGHTS: dict[str, Promise] = {
    Right.TOLD: gettext_lazy("Be told"),
    Right.SEE: gettext_lazy("See the child’s pages"),
    Right.SIGN: gettext_lazy("Sign"),
    Right.PAY: gettext_lazy("Pay"),
    Right.COLLECT: gettext_lazy("Collect the child"),
}


def rights_in_words(names: Collection[str]) -> str:
    """What rights are, listed; a word of its own for all of them."""
    if set(names) == set(RIGHTS):
        return _("Everything")
    return listed(str(word) for name, word in RIGHTS.items() if name in names)


def relation_in_words(bond: Guardianship) -> str:
    """What the guardian is to the child: by our list, or as a school system wrote it."""
    return str(Relation(bond.relation).label) if bond.relation in Relation.values else bond.relation
