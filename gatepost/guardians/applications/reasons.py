"""Why an application was returned or refused, in sentences that families read in their own language."""

from django.utils import translation
from django.utils.translation import gettext_lazy as _

RETURN = {
    "name": _("A name is not written as the school knows it. Please write it exactly as on the ID document."),
    "number": _("An ID or residence number is not the one the school knows. Please look at it again."),
    "relation": _("The relation to the child is not the one the school knows. Please look at it again."),
    "email": _("Mail to an email address comes back. Please look at it letter by letter, or give another one."),
    "unreadable": _("A document cannot be read. Please take a new picture in good light and add it again."),
    "paper": _("The document does not show that you are the guardian. Please add another one."),
}
REFUSE = {
    "unknown": _("The school does not know this person as a guardian of the child, and no document shows it."),
    "twice": _("This person is already bound to the child."),
    "mistake": _("This application was made for another child or another school. Please apply there."),
}


def sentence(code: str, more: str, *, language: str) -> str:
    """The reason with `code` in the family's `language`, and what somebody wrote themselves after it."""
    with translation.override(language):
        template = str({**RETURN, **REFUSE}[code]) if code else ""
    return "\n".join(part for part in (template, more.strip()) if part)
