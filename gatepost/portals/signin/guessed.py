"""What somebody who knows a person tries first as their password: their children and the schools."""

from gatepost.access import queries
from gatepost.accounts.models import Account
from gatepost.roster.models import Student

CHILDREN_MAX = 8


def known_of(account: Account) -> list[str]:
    """Words and figures around `account`, for the estimate of a password. Nobody's but the account's own children."""
    if account._state.adding:
        return []
    return [word for child in queries.children(account)[:CHILDREN_MAX] for word in known_of_child(child)]


def known_of_child(child: Student) -> list[str]:
    """The child's name, number, school and birthday."""
    born = child.birthday
    dates = [f"{born:%Y%m%d}", f"{born.year - 1911}{born:%m%d}", f"{born:%m%d}"] if born else []
    return [child.name, child.number, child.school.name, child.school.short_name, *dates]
