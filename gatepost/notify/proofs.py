"""What shows that an address still reaches its owner, taken from what comes back anyway.

A code that is typed proves an address for the first time. After that anything counts that only somebody who reads
there can send back. A mail server that takes a mail proves nothing, and neither does LINE's answer to a message.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet

from gatepost.notify.models import Address, Channel

CODE = "code"  # typed after it was sent there
LINK = "link"  # of a mail, opened and gone on with
SIGN_IN = "sign_in"  # with a code from that mailbox
MESSAGE = "message"  # a device or a telephone said that one arrived
LINE = "line"  # LINE told us something that this person did
ANSWER = "answer"  # to our question whether it still reaches them

NOTED_EVERY = timedelta(days=1)  # a busy address is written once a day, not with each message


def note(addresses: QuerySet[Address], *, by: str, now: datetime) -> int:
    """Something came back from `addresses`, and they need not be asked. Returns for how many that was news.

    Switches nothing on: an address that is off, or was never proven, takes a code.
    """
    before = now - NOTED_EVERY
    old = Q(proven_at__lte=before) | Q(proven_at=None, verified_at__lte=before) | Q(asked_at__isnull=False)
    usable = addresses.filter(old, verified_at__isnull=False, disabled_at=None)
    return usable.update(proven_at=now, proven_by=by, asked_at=None, reminded_at=None, lapsed_at=None)


def note_mailbox(account_id: UUID, email: str, *, by: str, now: datetime) -> int:
    """The same for what went to the mailbox that an account signs in with, where that is one of its addresses."""
    mailbox = Address.objects.filter(account=account_id, channel=Channel.EMAIL, target__iexact=email)
    return note(mailbox, by=by, now=now)


def put(address: Address, *, by: str, at: datetime) -> None:
    """The same on an address in hand, which the caller saves."""
    address.proven_at, address.proven_by = at, by
    address.asked_at = address.reminded_at = address.lapsed_at = None
