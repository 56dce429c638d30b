"""What the application's pages say about states, faults and refusals."""

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from gatepost.guardians.applications.faults import Fault
from gatepost.guardians.applications.models import Application, ApplicationStep
from gatepost.roster.identity_numbers import IdentityNumberError
from gatepost.roster.wordings import WordingError

Text = str | Promise

STATES: dict[str, Text] = {
    Application.State.DRAFT: _("Saved, not submitted yet"),
    Application.State.SUBMITTED: _("With the school"),
    Application.State.RETURNED: _("Returned to you: please correct it"),
    Application.State.APPROVED: _("Approved"),
    Application.State.REFUSED: _("Not approved"),
    Application.State.LAPSED: _("Ended, not approved"),
    Application.State.WITHDRAWN: _("Withdrawn by you"),
}
MEANINGS: dict[str, Text] = {
    Application.State.DRAFT: _("The school does not see it yet. Go on where you stopped, on any device."),
    Application.State.SUBMITTED: _("The school looks at it. Each applicant gets a mail when it has decided."),
    Application.State.RETURNED: _("Nothing you typed is lost. Correct what the school names, and submit it again."),
    Application.State.APPROVED: _("Each applicant gets a mail with a link that opens the account."),
    Application.State.REFUSED: _("If you think this is wrong, please talk to the school. You can also apply again."),
    Application.State.LAPSED: _("You can apply again whenever you like."),
    Application.State.WITHDRAWN: _("You can apply again whenever you like."),
}
ACTS: dict[str, Text] = {
    ApplicationStep.Act.OPENED: _("Begun"),
    ApplicationStep.Act.SUBMITTED: _("Submitted"),
    ApplicationStep.Act.RETURNED: _("Returned by the school"),
    ApplicationStep.Act.APPROVED: _("Approved by the school"),
    ApplicationStep.Act.REFUSED: _("Not approved by the school"),
    ApplicationStep.Act.LAPSED: _("Ended after 60 days"),
    ApplicationStep.Act.WITHDRAWN: _("Withdrawn"),
}
REFUSALS: dict[str, Text] = {
    "stale": _(
        "The application was changed on another device while this page was open. What you see below is what you typed "
        "here; press the button again to keep it."
    ),
    "elsewhere": _("The application is not open for changes at the moment."),
    "desk": _("This school takes no applications at the moment. What you typed is saved; please ask the school."),
    "left": _("This student is no longer at the school, so nobody can apply for them there. Please ask the school."),
    "unconfirmed": _("Say first that the student’s data is correct."),
    "consent": _("Your consent to the notice on personal data is needed first."),
    "incomplete": _("Some things are still missing or wrong. They are named below."),
}
KINDS: dict[str, Text] = {
    Application.Kind.PARENT: _("The parents are the guardians; one of them applies"),
    Application.Kind.PARENTS: _("The parents are the guardians; both apply"),
    Application.Kind.ONE_CUSTODIAN: _("One parent is the guardian; both parents apply"),
    Application.Kind.OTHER: _("Somebody else is the guardian (a document is needed)"),
}

_FAULTS: dict[tuple[str, str], Text] = {
    ("kind", "missing"): _("Choose who applies."),
    ("document", "missing"): _("Hand in a document that shows who the guardian is."),
    ("name", "missing"): _("Type the name as it stands on the ID card."),
    ("relation", "missing"): _("Choose the relation to the child."),
    ("id_number", "missing"): _("Type the ID or residence number."),
    ("id_number", "same"): _("This is the other applicant’s number. Each applicant is a different person."),
    ("id_number", "student"): _("This is the student’s own number. Type the applicant’s."),
    ("id_number", "bound"): _("This person is bound to the child already and need not apply again."),
    ("email", "missing"): _("Type the email address."),
    ("email", "unusable"): _("This is not understood as an email address: write it like name@example.org."),
    ("email", "same"): _("This is the other applicant’s email. Each account needs one of its own."),
    ("email", "refused"): _(
        "Mail to this address comes back. Look at it letter by letter, or give another one. If it is right, go on and "
        "have a new code sent."
    ),
    ("email", "unproven"): _("This email is not proven yet: have a code sent there and type it."),
}


def fault_text(fault: Fault) -> Text:
    """The sentence that says how to mend it."""
    known = _FAULTS.get((fault.field, fault.code))
    if known:
        return known
    return IdentityNumberError.MESSAGES[fault.code] if fault.field == "id_number" else WordingError.MESSAGES[fault.code]


def once_more(code: str) -> str:
    """A refusal on a page that has nothing typed to lose."""
    return gettext("Please try again.") if code == "stale" else str(REFUSALS[code])
