"""Roles, and the days they run, in words for who looks after them."""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _

from gatepost.access.models import Invitation, Role
from gatepost.kit.clock import local_date
from gatepost.portals import words
from gatepost.roster.models import School


def zone(school: School | None) -> str:
    """The clock that counts: the school's, or the city's."""
    return school.timezone if school else settings.TIME_ZONE


def role_at(row: Role | Invitation, *, inside: School | None = None) -> str:
    """雙園國小 2年01班 導師; `inside` a school, without its name."""
    name = row.name if isinstance(row, Role) else row.role
    place = words.place(row)
    if inside is not None:
        place = place.removeprefix(inside.short_name).strip()
    return " ".join(part for part in (place, str(words.ROLES[name])) if part)


def day(at: datetime | None, school: School | None) -> str:
    """The day of `at`; nothing for none."""
    return words.staff_date(local_date(at, zone(school))) if at else ""


def last_day(until: datetime | None, school: School | None) -> str:
    """The last day that a role holds."""
    return day(until - timedelta(seconds=1), school) if until else _("Until it is ended")


def since(role: Role) -> str:
    """Who gave it."""
    return _("by {name}").format(name=role.granted_by.get_full_name()) if role.granted_by else ""
