"""Texts of Django that stand on our pages and that we word ourselves, in `gatepost/locale`.

Our catalogues come before Django's, but `make messages` keeps only what it finds in our sources: this is where it finds
these. Nothing imports this file.
"""

from django.utils.translation import gettext_noop as _
from django.utils.translation import ngettext_lazy

# Vietnamese writes the number of a day as a word.
WEEKDAYS = (
    _("Monday"),
    _("Tuesday"),
    _("Wednesday"),
    _("Thursday"),
    _("Friday"),
    _("Saturday"),
    _("Sunday"),
)

FORM_ERRORS = (
    _("This field is required."),
    _("Enter a valid value."),
    _("Enter a whole number."),
    _("Ensure this value is less than or equal to %(limit_value)s."),
    _("Ensure this value is greater than or equal to %(limit_value)s."),
    _("Select a valid choice. %(value)s is not one of the available choices."),
    _("Null characters are not allowed."),
    ngettext_lazy(
        "Ensure this value has at most %(limit_value)d character (it has %(show_value)d).",
        "Ensure this value has at most %(limit_value)d characters (it has %(show_value)d).",
        "limit_value",
    ),
)
