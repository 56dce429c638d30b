"""Which messages go out as one request, and the key by which LINE knows a repeat of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

TEXT_UNITS_MOST = 5_000  # as LINE counts: UTF-16 code units
MULTICAST_MOST = 500
# Fewer than these go one by one, each under a key of its own: were the same few people grouped in another way after a
# process died, the group's key would be a new one and LINE could not tell the repeat.
MULTICAST_FROM = 10

_KEYS = uuid5(NAMESPACE_URL, "gatepost:line:retry-key")


@dataclass(frozen=True, slots=True)
class OutgoingText:
    """`text` for the LINE user id `to`. `key` is the same however often this message is tried, and no other's."""

    to: str
    text: str
    key: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request: to one person (push) or to several (multicast). `places` are those of the messages it carries."""

    to: tuple[str, ...]
    text: str
    retry_key: str
    places: tuple[int, ...]


def grouped(messages: Sequence[OutgoingText]) -> list[Request]:
    """The requests that carry `messages`: the same text to many people is one, of `MULTICAST_MOST` people at most."""
    alike: dict[str, list[int]] = defaultdict(list)
    alone: list[int] = []
    seen: set[tuple[str, str]] = set()
    for place, message in enumerate(messages):
        if (message.to, message.text) in seen:  # LINE takes nobody twice in one request
            alone.append(place)
            continue
        seen.add((message.to, message.text))
        alike[message.text].append(place)
    requests: list[Request] = []
    for places in alike.values():
        for first in range(0, len(places), MULTICAST_MOST):
            some = places[first : first + MULTICAST_MOST]
            if len(some) < MULTICAST_FROM:
                alone += some
            else:
                requests.append(_request(messages, some))
    return [*requests, *(_request(messages, [place]) for place in sorted(alone))]


def one_by_one(request: Request, messages: Sequence[OutgoingText]) -> list[Request]:
    """The same messages as a request each, for when LINE refused them together."""
    return [_request(messages, [place]) for place in request.places]


def fitting(text: str) -> str:
    """`text` as LINE takes it: cut where it is too long."""
    encoded = text.encode("utf-16-le")
    if len(encoded) <= 2 * TEXT_UNITS_MOST:
        return text
    return encoded[: 2 * (TEXT_UNITS_MOST - 1)].decode("utf-16-le", "ignore") + "…"


def _request(messages: Sequence[OutgoingText], places: Sequence[int]) -> Request:
    keys = sorted(messages[place].key for place in places)
    return Request(
        to=tuple(messages[place].to for place in places),
        text=messages[places[0]].text,
        retry_key=str(uuid5(_KEYS, "\n".join(keys))),
        places=tuple(places),
    )
