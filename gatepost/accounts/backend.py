from typing import Any
from uuid import UUID

from allauth.account.auth_backends import AuthenticationBackend

from gatepost.accounts.models import Account
from gatepost.kit.questions import Question


class Backend(AuthenticationBackend):  # type: ignore[misc] # the library has no types
    """Signing in with email and password is allauth's. Whose session it is, every request asks: by a kept plan."""

    def get_user(self, user_id: Any) -> Account | None:
        """The account, as it is now, or None if it is gone or may not sign in."""
        rows = _FOUND.rows(account=user_id)
        account = Account.from_db("default", _COLUMNS, rows[0]) if rows else None
        return account if account is not None and self.user_can_authenticate(account) else None


_COLUMNS = tuple(field.attname for field in Account._meta.concrete_fields)
_FOUND = Question(lambda account: Account.objects.filter(pk=account).values_list(*_COLUMNS), account=UUID(int=0))
