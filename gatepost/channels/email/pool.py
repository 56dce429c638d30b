"""Many mails at once, over a few connections side by side.

A thread spends most of a mail's time waiting for the relay, so threads do; there is no queue here and nothing outlives
`send_many` except the open connections.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import NamedTuple

from gatepost.channels.email.connection import Ready, RelayTrouble, SmtpSettings, ready
from gatepost.channels.email.transport import EmailTransport
from gatepost.channels.errors import ChannelError

log = logging.getLogger(__name__)

# How long the mails of one call may take. The last is begun `notify.sender.SENDING` after the lease of its mails was,
# and must be over before that lease is, with room for the outcomes to be noted.
BEGIN_SECONDS = 20.0
END_SECONDS = 50.0


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    envelope_from: str
    to: str
    message: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """`reply` is what the relay said on taking the mail; `error` is why it was not taken."""

    error: ChannelError | None = None
    reply: str = ""

    @property
    def sent(self) -> bool:
        return self.error is None


class SmtpPool:
    """`size` connections to one relay, each with a thread of its own.

    `sign` is applied to each message in the sending thread, where signatures of several mails are computed at the same
    time. However slow the relay is, `send_many` begins no mail after `begin_seconds`, and what is under way after
    `end_seconds` is broken off: whoever leased the mails must know what became of them while the lease still holds.
    """

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        size: int,
        sign: Callable[[bytes], bytes] | None = None,
        begin_seconds: float = BEGIN_SECONDS,
        end_seconds: float = END_SECONDS,
    ) -> None:
        self._settings = settings
        self._begin_seconds, self._end_seconds = begin_seconds, end_seconds
        self._sign = sign
        self._lanes = [EmailTransport(settings) for _ in range(size)]
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="smtp")
        self._one_caller = threading.Lock()
        self._down_until = 0.0

    def send_many(self, mails: Sequence[OutgoingMail]) -> list[Outcome]:
        """Send them all; the outcomes stand in the order of the mails. Never raises for a mail: each has its outcome.

        When the relay does not answer at all, the rest of the batch is not tried one time-out after another: it is
        told so at once, and so is every mail of the next `pause_seconds`. Callers in several threads take turns.
        """
        with self._one_caller:
            batch = _Batch(mails, self._sign, until=time.monotonic() + self._begin_seconds)
            lanes = self._lanes[: len(mails)]
            running = [self._threads.submit(self._send_all, lane, batch, look_ahead=len(lanes)) for lane in lanes]
            seconds = self._end_seconds
            while wait(running, timeout=seconds).not_done:
                log.warning("relay too slow, breaking off mails=%d", len(mails))
                for lane in lanes:
                    lane.abort()
                seconds = 1.0  # a lane may just have called the relay again
            for sent in running:
                sent.result()
        return batch.outcomes

    @property
    def is_down(self) -> bool:
        """Whether the relay did not answer a moment ago, so that it is no use to begin a batch now."""
        return time.monotonic() < self._down_until

    def close(self) -> None:
        """Wait for a running batch, then take leave of the relay."""
        with self._one_caller:
            self._threads.shutdown()
            for lane in self._lanes:
                lane.close()

    def _send_all(self, lane: EmailTransport, batch: "_Batch", *, look_ahead: int) -> None:
        taken = batch.take()
        while taken:
            # Begin the next mail behind this one, unless another lane would have to wait for work.
            following = batch.take() if batch.waiting.qsize() >= look_ahead else None
            batch.outcomes[taken.place] = self._send(lane, taken, following)
            taken = following or batch.take()

    def _send(self, lane: EmailTransport, taken: "_Taken", following: "_Taken | None") -> Outcome:
        pause = self._down_until - time.monotonic()
        if pause > 0:
            return Outcome(RelayTrouble("The relay did not answer a moment ago.", retry_after=timedelta(seconds=pause)))
        try:
            return Outcome(reply=lane.send_ready(taken.mail, following=following.mail if following else None))
        except RelayTrouble as trouble:
            if trouble.down:
                self._down_until = time.monotonic() + self._settings.pause_seconds
            return Outcome(trouble)
        except ChannelError as error:
            return Outcome(error)
        except Exception as error:
            return _our_mistake(error)


class _Taken(NamedTuple):
    place: int
    mail: Ready


class _Batch:
    """The mails of one call: what waits, and what became of the rest."""

    def __init__(self, mails: Sequence[OutgoingMail], sign: Callable[[bytes], bytes] | None, *, until: float) -> None:
        untried = ChannelError("This mail was not tried.", permanent=False, retry_after=timedelta(0))
        self.outcomes = [Outcome(untried)] * len(mails)
        self._until = until
        self.waiting: SimpleQueue[int] = SimpleQueue()
        for index in range(len(mails)):
            self.waiting.put(index)
        self._mails = mails
        self._sign = sign

    def take(self) -> _Taken | None:
        """The next mail, signed; those that cannot be sent at all get their outcome on the way."""
        while time.monotonic() < self._until:
            try:
                index = self.waiting.get_nowait()
            except Empty:
                return None
            mail = self._mails[index]
            try:
                message = self._sign(mail.message) if self._sign else mail.message
                return _Taken(index, ready(mail.envelope_from, mail.to, message))
            except ChannelError as error:
                self.outcomes[index] = Outcome(error)
            except Exception as error:
                self.outcomes[index] = _our_mistake(error)
        return None


def _our_mistake(error: Exception) -> Outcome:
    """A mistake of ours with one mail must not lose the outcomes of the mails that were sent."""
    log.error("mail not sent", exc_info=error)
    mistake = ChannelError(f"This mail could not be sent: {type(error).__name__}", permanent=False)
    mistake.__cause__ = error
    return Outcome(mistake)
