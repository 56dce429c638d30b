"""Notices as LINE messages: who, what, when and from where, in the reader's language, without a link."""

from collections.abc import Sequence
from datetime import datetime

from gatepost.channels.errors import ChannelError
from gatepost.channels.line.messages import OutgoingText
from gatepost.channels.line.replies import OverQuota
from gatepost.channels.line.transport import LineTransport
from gatepost.channels.line.transport import Outcome as Taken
from gatepost.notify import topics
from gatepost.notify.line import budget
from gatepost.notify.sender import Leased, Outcome
from gatepost.notify.writing import write_each

OVER_BUDGET = "budget"


class LineCarrier:
    """Carries deliveries to LINE users, while the month's messages last: safety messages longer than the others."""

    def __init__(self, transport: LineTransport) -> None:
        self._transport = transport

    @property
    def is_down(self) -> bool:
        """Whether LINE took nothing a moment ago."""
        return self._transport.is_down

    def carry(self, deliveries: Sequence[Leased], *, now: datetime) -> list[Outcome]:
        """Hand over each that can be written and that the budget has room for."""
        written = write_each(deliveries, lambda delivery: _text(delivery, now))
        room = budget.room(now=now)
        texts = {place: text for place, text in enumerate(written) if isinstance(text, OutgoingText)}
        going = [
            place
            for place in sorted(texts, key=lambda place: _may_wait(deliveries[place]))
            if room.take(safety=not _may_wait(deliveries[place]))
        ]
        taken = dict(zip(going, self._transport.send_many([texts[place] for place in going]), strict=True))
        budget.count(sum(one.error is None for one in taken.values()), now=now)
        if any(isinstance(one.error, OverQuota) for one in taken.values()):
            budget.note_used_up(now=now)
        return [_outcome(written[place], taken.get(place)) for place in range(len(deliveries))]


def _text(delivery: Leased, now: datetime) -> OutgoingText:
    text = topics.get(delivery.topic).words(delivery.data, now).text
    return OutgoingText(to=delivery.target, text=text, key=delivery.key)


def _may_wait(delivery: Leased) -> bool:
    return topics.get(delivery.topic).optional and not delivery.is_follow_up


def _outcome(written: OutgoingText | ChannelError, taken: Taken | None) -> Outcome:
    if isinstance(written, ChannelError):
        return Outcome(written)
    if taken is None or isinstance(taken.error, OverQuota):
        return Outcome(dropped_because=OVER_BUDGET, response=str(taken.error) if taken else "")
    return Outcome(taken.error, taken.reply)
