import re

from django.contrib.auth.hashers import Argon2PasswordHasher, check_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_ID_NUMBER = re.compile(r"[A-Z][A-D1289][0-9]{8}", re.ASCII | re.IGNORECASE)


class Argon2id(Argon2PasswordHasher):
    """Argon2id at 19 MiB, two passes, one lane: OWASP's recommended minimum, some 35 ms of one core.

    Django's own default (100 MiB, eight lanes) allows seven sign-ins a second on two cores; a city signs in at 07:30.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1


class DemonstrationArgon2id(Argon2id):
    """The same under another name, for installations that are demonstrations.

    Demonstration accounts have passwords that everybody knows. Outside of a demonstration no hasher has this name, so
    on the day the same database is used without one, they open nothing.
    """

    algorithm = "demonstration"


class NotAnIdNumber:
    """Refuses a password that is an ID or residence number: schools, banks and doctors know it."""

    def validate(self, password: str, user: object = None) -> None:
        """Raises `ValidationError` with the code `id_number`."""
        if _ID_NUMBER.fullmatch(password.strip()):
            raise ValidationError(self.get_help_text(), code="id_number")

    def get_help_text(self) -> str:
        """The same sentence before and after."""
        return _("An ID number is no password: others know it. Choose another one.")


class NotOneOfTheLast:
    """Refuses the password that an account has, and the two it had before: others may know those by now."""

    def validate(self, password: str, user: object = None) -> None:
        """Raises `ValidationError` with the code `password_used`. An account that is only being made has none yet."""
        from gatepost.accounts.models import Account  # the hashers above are wanted before there are models

        if not isinstance(user, Account) or user._state.adding:
            return
        known = [user.password, *user.old_passwords.values_list("password", flat=True)]
        if any(check_password(password, one) for one in known if one):
            raise ValidationError(self.get_help_text(), code="password_used")

    def get_help_text(self) -> str:
        """The same sentence before and after."""
        return _("You had this password before. Choose another one.")
