"""What every gateway of short messages promises, whatever it speaks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gatepost.channels.errors import ChannelError

# As for mails (`channels.email.pool`): the last message of a call is begun, and is over, while its lease holds.
BEGIN_SECONDS = 20.0
END_SECONDS = 50.0


@dataclass(frozen=True, slots=True)
class OutgoingSms:
    """`to` as `numbers.usable` writes it. `key`: the same for every attempt, at most 36 characters."""

    to: str
    text: str
    key: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """`references`: what the gateway calls the message, one for each part it took apart. `error`: why it took none."""

    error: ChannelError | None = None
    references: tuple[str, ...] = ()

    @property
    def sent(self) -> bool:
        """The gateway has it. Whether the telephone has, a receipt tells."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the message that the gateway calls `reference`.

    `delivered` None: on its way still. `permanent`: this number will never work. `said`: the gateway's own words.
    """

    reference: str
    delivered: bool | None
    permanent: bool = False
    said: str = ""


Take = Callable[[Receipt], None]


class Gateway(Protocol):
    """One way to hand over short messages. Callers in several threads take turns."""

    def send_many(self, messages: Sequence[OutgoingSms]) -> list[Outcome]:
        """Hand over each; the outcomes in the order of the messages. Never raises for one of them."""
        ...

    def collect(self, waiting: Sequence[str], take: Take) -> int:
        """Give `take` what is known by now, at least of the references `waiting`. Returns how many receipts.

        Raises what `take` raises; what was not taken is told again. Raises `ChannelError` if the gateway is away.
        """
        ...

    @property
    def is_down(self) -> bool:
        """Whether it did not answer a moment ago, so that it is no use to begin a batch now."""
        ...

    def close(self) -> None:
        """Take leave."""
        ...
