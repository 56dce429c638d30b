"""Sends mails over one connection that stays open between them.

A mail counts as sent when the relay has answered 250 to the whole message, and never before.
"""

import time

from gatepost.channels.email.address import usable
from gatepost.channels.email.connection import Connection, RelayTrouble, SmtpSettings, wire
from gatepost.channels.errors import ChannelError


class EmailTransport:
    """For one thread at a time; SmtpPool gives each of its threads one. Connects when there is something to send."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._connection: Connection | None = None
        self._used_at = 0.0

    def send(self, envelope_from: str, to: str, message: bytes) -> str:
        """Hand the mail to the relay; returns what it said on taking it, for the record.

        ChannelError otherwise: `permanent` when the relay says that this address will never work (replies.py has the
        table). Where the connection broke after the whole message was written, the relay may have taken it all the
        same.
        """
        recipient, sender = usable(to), _return_path(envelope_from)
        octets = wire(message)
        connection = self._kept()
        if connection:
            try:
                return self._hand_over(connection, sender, recipient, octets)
            except RelayTrouble as trouble:
                if trouble.after_message:
                    raise
            # The relay had hung up while the connection was idle, and took nothing of this mail: once more on a new
            # one.
        return self._hand_over(Connection(self._settings), sender, recipient, octets)

    def close(self) -> None:
        """Take leave of the relay. The next mail opens a new connection."""
        if self._connection:
            self._connection.close()
            self._connection = None

    def _kept(self) -> Connection | None:
        connection = self._connection
        if connection is None:
            return None
        idle = time.monotonic() - self._used_at
        if (
            not connection.alive
            or idle > self._settings.idle_seconds
            or connection.mails >= self._settings.mails_per_connection
        ):
            self.close()
        return self._connection

    def _hand_over(self, connection: Connection, sender: str, recipient: str, octets: bytes) -> str:
        self._connection = connection
        try:
            return connection.hand_over(sender, recipient, octets)
        finally:
            self._used_at = time.monotonic()


def _return_path(address: str) -> str:
    """A return address that cannot be used is our mistake, and no fault of the recipient's address."""
    try:
        return usable(address)
    except ChannelError as error:
        raise ChannelError("The return address is not usable.", permanent=False) from error
