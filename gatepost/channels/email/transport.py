"""Sends mails over one connection that stays open between them.

A mail counts as sent when the relay has answered 250 to the whole message, and never before.
"""

import time

from gatepost.channels.email.connection import Connection, Ready, RelayTrouble, SmtpSettings, ready


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
        return self.send_ready(ready(envelope_from, to, message))

    def send_ready(self, mail: Ready, *, following: Ready | None = None) -> str:
        """The same for a mail that `ready` made. With `following`, the next call must be for that very mail."""
        kept = self._kept()
        if kept:
            try:
                return self._hand_over(kept, mail, following)
            except RelayTrouble as trouble:
                if trouble.after_message:
                    raise
            # The relay had hung up while the connection was idle, and took nothing of this mail: try a new one.
        self._connection = Connection(self._settings)
        self._connection.open()
        return self._hand_over(self._connection, mail, following)

    def abort(self) -> None:
        """From another thread: end what is going on, however slowly. The next mail opens a new connection."""
        connection = self._connection
        if connection is not None:
            connection.abort()

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

    def _hand_over(self, connection: Connection, mail: Ready, following: Ready | None) -> str:
        is_last = connection.mails + 1 >= self._settings.mails_per_connection
        try:
            return connection.hand_over(mail, following=None if is_last else following)
        finally:
            self._used_at = time.monotonic()
