"""What a claim's pages say about where it stands. The same words for what fits a student and what fits nobody."""

from django.utils.translation import gettext_lazy as _

from gatepost.guardians.applications.models import Application
from gatepost.portals.binding import words
from gatepost.portals.binding.words import Text

State = Application.State
STATES: dict[str, Text] = {**words.STATES, State.SUBMITTED: _("Submitted, waiting for the school")}
MEANINGS: dict[str, Text] = {
    **words.MEANINGS,
    State.SUBMITTED: _("If what you typed fits a student, the school looks at it. You get a mail when it has decided."),
    # True as well after the bond has ended or was cut.
    State.APPROVED: _("What is open to you stands on your home page."),
    State.REFUSED: _("If you think this is wrong, please talk to the school. You can also ask again."),
    State.LAPSED: _(
        "It was not approved within 60 days: what was typed fits no student, or the school does not know you as a "
        "guardian. Look at it once more and ask again, or talk to the school."
    ),
    State.WITHDRAWN: _("You can ask again whenever you like."),
}
