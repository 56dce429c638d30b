import re

from django.contrib.auth.hashers import Argon2PasswordHasher
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
