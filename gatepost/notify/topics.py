"""The kinds of notices there are. Each is registered by the room that has something to say, with its words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.functional import Promise


@dataclass(frozen=True, slots=True)
class Words:
    """A notice in one language: a subject, one sentence with the fact, and lines with its source and what follows."""

    subject: str
    headline: str
    lines: tuple[str, ...] = ()
    link: str = ""  # one that is to be pressed, in a message that is no safety message
    short: str = ""  # the whole of it in one breath, for a channel paid by length; the headline where it is empty

    @property
    def text(self) -> str:
        """All but the subject, for channels that know only text."""
        return "\n".join((self.headline, *self.lines, *([self.link] if self.link else [])))


@dataclass(frozen=True, slots=True)
class Topic:
    """`words` is called in the reader's language with the notice's data and the moment it is sent.

    `optional`: a person may do without it (one-click unsubscribe); `choosable`: it has a row in the subscriptions. One
    that is not choosable goes to exactly those who got the notice it follows, or to all who may be told.

    `may_wait`: it can lie until a person's quiet hours are over; `routine`: it is about this very moment, so in those
    hours it is sent at once or, for who wants that, not at all. See `quiet`.

    `personal`: it is about its reader, not about a child, and is not chosen in the matrix; where it goes, the topics
    `instead_of` cannot be chosen. `fill` is asked just before it is sent: the data as it may be said now, for each
    (account, data); None where nothing may be said any more.

    `safety`: while nobody gives a sign of having read it, it goes on to other addresses and people; see `ladder`. It
    is posted with `notices.post`.
    """

    code: str
    title: Promise
    words: Callable[[Mapping[str, Any], datetime], Words]
    optional: bool = True
    choosable: bool = True
    safety: bool = False
    may_wait: bool = False
    routine: bool = False
    personal: bool = False
    instead_of: tuple[str, ...] = ()
    fill: Callable[[Sequence[tuple[UUID, Mapping[str, Any]]], datetime], list[Mapping[str, Any] | None]] | None = None


_topics: dict[str, Topic] = {}


def register(topic: Topic) -> None:
    """Make a topic known, once, at start-up."""
    assert topic.code not in _topics, f"topic {topic.code} is registered twice"  # noqa: S101 - our own bug
    _topics[topic.code] = topic


def get(code: str) -> Topic:
    """The topic with `code`. Raises `KeyError` for one that nobody registered."""
    return _topics[code]


def is_choosable(code: str) -> bool:
    """Whether a notice with this topic needs a subscription; so does one that nobody registered."""
    return code not in _topics or _topics[code].choosable


def is_safety(code: str) -> bool:
    """Whether a notice with this topic climbs the ladder."""
    return code in _topics and _topics[code].safety


def may_wait(code: str) -> bool:
    """Whether a notice with this topic can lie until quiet hours are over."""
    return code in _topics and _topics[code].may_wait


def is_routine(code: str) -> bool:
    """Whether a notice with this topic is one of the many of every day."""
    return code in _topics and _topics[code].routine


def is_filled(code: str) -> bool:
    """Whether what a notice with this topic says is looked up when it is sent."""
    return code in _topics and _topics[code].fill is not None


def waiting() -> list[Topic]:
    """The topics that lie until quiet hours are over."""
    return [topic for topic in _topics.values() if topic.may_wait]


def is_optional(code: str) -> bool:
    """Whether a person may do without a notice with this topic; one that nobody registered is not asked about."""
    return code in _topics and _topics[code].optional


def choosable() -> list[Topic]:
    """The topics a person may subscribe to about a child, in the order they were registered."""
    return [topic for topic in _topics.values() if topic.choosable and not topic.personal]


def personal() -> list[Topic]:
    """The topics about their reader."""
    return [topic for topic in _topics.values() if topic.personal]
