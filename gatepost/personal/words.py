"""How the readable copy says keys and codes; the other file keeps them as they are."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gatepost.guardians.applications.models import Consent, Relation
from gatepost.notify import topics

LABELS: dict[str, Promise] = {
    "email": _("Email"),
    "name": _("Name"),
    "language": _("Language"),
    "at": _("Since"),
    "last": _("Last used"),
    "ended_at": _("Ended"),
    "what": _("What"),
    "browser": _("Browser"),
    "system": _("System"),
    "network": _("Network"),
    "child": _("Child"),
    "signed_at": _("Signed"),
    "mobile": _("Mobile number"),
    "channel": _("Channel"),
    "target": _("Address"),
    "topic": _("Message"),
    "relation": _("Relation"),
    "id_number": _("ID number"),
    "state": _("State"),
    "school": _("School"),
    "purpose": _("Purpose"),
    "version": _("Version"),
    "answer": _("Answer"),
    "service": _("Service"),
    "scopes": _("What is given"),
    "month": _("Month"),
    "starts": _("From"),
    "ends": _("To"),
    "first_date": _("From"),
    "last_date": _("To"),
    "term": _("Term"),
    "answers": _("Answers"),
    "text": _("Text"),
    "class": _("Class"),
    "number": _("Student number"),
    "date": _("Day"),
    "arrived_at": _("Arrival"),
    "left_at": _("Departure"),
    "not_arrived_at": _("Not arrived"),
    "side": _("What"),
    "source": _("Source"),
    "role": _("Role"),
    "page": _("Page"),
}
WORDS: dict[str, Promise] = {
    "password": _("Password"),
    "passkey": _("Passkey"),
    "email_change": _("Another email"),
    "draft": _("Draft"),
    "submitted": _("Submitted"),
    "returned": _("Sent back"),
    "approved": _("Approved"),
    "refused": _("Refused"),
    "withdrawn": _("Taken back"),
    "lapsed": _("Ended by its date"),
    "waiting": _("Waiting"),
    "agree": _("Agreed"),
    "disagree": _("Not agreed"),
    "in": _("Arrival"),
    "out": _("Departure"),
    "seen": _("Seen at school"),
    "card": _("Card"),
    "guard": _("Guard"),
    "teacher": _("Homeroom teacher"),
    "office": _("Student affairs"),
    "student_affairs": _("Student affairs"),
    "registrar": _("Registrar"),
    "school_administrator": _("School administrator"),
    "sent": _("Sent"),
    "delivered": _("Delivered"),
    "failed": _("Failed"),
    "dropped": _("Not sent"),
    "personal": _("Personal leave"),
    "sick": _("Sick leave"),
    "active": _("In use"),
    "frozen": _("Frozen"),
    "lost": _("Lost"),
    "replaced": _("Replaced"),
    "binding": Consent.Purpose.BINDING.label,
    "services": Consent.Purpose.SERVICES.label,
    "email": _("Email"),
    "push": _("App"),
    "sms": _("Text message"),
}
_RELATIONS = dict(Relation.choices)


def label(key: str) -> str:
    """The heading of a column."""
    return str(LABELS[key])


def word(code: str) -> str:
    """A code in words; what has none stays as it is: a name, an address, an act of the log."""
    try:
        return str(topics.get(code).title)
    except KeyError:
        return str(WORDS.get(code) or _RELATIONS.get(code) or code)
