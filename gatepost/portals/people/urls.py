"""The same pages under three roofs; `under` gives the addresses of one."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path

from gatepost.portals.people import invite, pages

View = Callable[..., Any]


def under(roof: Callable[[View], View], prefix: str, start: str = "") -> list[URLPattern]:
    """`roof`: one of `offices.at_…`; `prefix`: of the names; `start`: what the addresses begin with."""
    return [
        path(f"{start}people/", roof(pages.overview), name=f"{prefix}-people"),
        path(f"{start}people/new/", roof(invite.new), name=f"{prefix}-person-new"),
        path(
            f"{start}people/invitations/<uuid:invitation_id>/again/",
            roof(invite.again),
            name=f"{prefix}-invitation-again",
        ),
        path(
            f"{start}people/invitations/<uuid:invitation_id>/withdrawal/",
            roof(invite.withdraw),
            name=f"{prefix}-invitation-withdrawal",
        ),
        path(f"{start}people/roles/<int:role_id>/end/", roof(pages.end), name=f"{prefix}-role-end"),
        path(
            f"{start}people/<uuid:account_id>/second-factor/",
            roof(pages.take_second_factor_off),
            name=f"{prefix}-second-factor-off",
        ),
    ]
