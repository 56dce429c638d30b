"""What a service may ask for. The words for it stand in the portals."""

from collections.abc import Iterable
from typing import Any

from oauth2_provider.scopes import BaseScopes

OPENID = "openid"
CHILDREN = "children"
# In the order in which pages name them.
ALL = (OPENID, "profile", "email", "phone", "role", "school", CHILDREN)
# What a machine may have that speaks for nobody: nothing about any person.
SCHOOLS = "schools"
OF_MACHINES = (SCHOOLS,)


class RegisteredScopes(BaseScopes):  # type: ignore[misc]
    """The scopes that the bureau registered for each service."""

    def get_all_scopes(self) -> dict[str, str]:
        return {name: name for name in (*ALL, *OF_MACHINES)}

    def get_available_scopes(
        self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        if application is None:
            return list(ALL)
        return list(application.scopes) if application.is_machine else [OPENID, *application.scopes]

    def get_default_scopes(self, application: Any = None, request: Any = None, *args: Any, **kwargs: Any) -> list[str]:
        return list(application.scopes) if application is not None and application.is_machine else [OPENID]


def in_order(scopes: Iterable[str]) -> list[str]:
    """The known ones among `scopes`, as pages list them."""
    asked = set(scopes)
    return [name for name in ALL if name in asked]
