"""What LINE says when it does not take a request.

https://developers.line.biz/en/reference/messaging-api/#error-responses and
https://developers.line.biz/en/docs/messaging-api/retrying-api-request
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from gatepost.channels.errors import ChannelError

REPLY_MOST = 300
SLOW_DOWN = timedelta(seconds=10)  # over the rate, and LINE did not say for how long
OUT_OF_ORDER = timedelta(minutes=1)  # our token, our channel: somebody has to look
WAIT_MOST = timedelta(minutes=10)


class Uncertain(ChannelError):
    """LINE may have taken it: no answer, or one that says that LINE itself is in trouble. Its retry key tells."""


class OutOfOrder(ChannelError):
    """No request of this channel would be taken just now, whomever it is for: a wrong token, or too many at once."""


class OverQuota(ChannelError):
    """The messages of this month are used up. Nothing was sent, and nothing will be before the quota is raised."""


def refusal(status: int, answer: Mapping[str, Any], *, retry_after: str = "") -> ChannelError:
    """The error for an answer with `status` of 300 or more; `retry_after` as in the header of that name."""
    said = _said(status, answer)
    if status >= 500:
        return Uncertain(said, permanent=False)
    if status == 429:
        if "monthly limit" in said.lower():
            return OverQuota(said, permanent=False)
        return OutOfOrder(said, permanent=False, retry_after=_wait(retry_after) or SLOW_DOWN)
    if status in (401, 403):
        return OutOfOrder(said, permanent=False, retry_after=OUT_OF_ORDER)
    return ChannelError(said, permanent=status == 400 and _is_about_the_recipient(answer))


def _said(status: int, answer: Mapping[str, Any]) -> str:
    details = [f"{one.get('property', '')}: {one.get('message', '')}" for one in _details(answer)]
    return f"{status} {'; '.join([str(answer.get('message') or 'no reason given'), *details])}"[:REPLY_MOST]


def _details(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    details = answer.get("details")
    return [one for one in details[:5] if isinstance(one, dict)] if isinstance(details, list) else []


def _is_about_the_recipient(answer: Mapping[str, Any]) -> bool:
    """Whether a 400 says that nobody has this user id. LINE says so in one of three ways."""
    message = str(answer.get("message", ""))
    named = [one.get("property") for one in _details(answer)]
    return "'to'" in message or message.startswith("Failed to send messages") or named == ["to"]


def _wait(retry_after: str) -> timedelta | None:
    if not (retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 7):
        return None
    return min(timedelta(seconds=int(retry_after)), WAIT_MOST)
