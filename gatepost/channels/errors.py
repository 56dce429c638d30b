"""The one error vocabulary of every channel."""

from datetime import timedelta


class ChannelError(Exception):
    """The message was not handed over.

    `permanent` means that this address will never work, so the caller should stop using it. Trouble of ours (a wrong
    password, a relay that is down, a refused sender) is never permanent: it says nothing about the address.
    `retry_after` is how long to wait before trying again, where that is known.
    """

    def __init__(self, message: str, *, permanent: bool, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.retry_after = retry_after
