"""Putting notices into words, each in the language of who reads it, whatever channel carries them."""

import logging
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TypeVar

from django.utils import translation

from gatepost.channels.errors import ChannelError
from gatepost.notify.sender import Leased

Written = TypeVar("Written")

log = logging.getLogger(__name__)


def write_each(deliveries: Sequence[Leased], write: Callable[[Leased], Written]) -> list[Written | ChannelError]:
    """What `write` makes of each delivery, called in that delivery's language; in the order of the deliveries.

    One that cannot be written is an error that holds up none of the others. One language comes after the other:
    changing it costs as much as half a mail.
    """
    written: dict[int, Written | ChannelError] = {}

    def language(place: int) -> str:
        return deliveries[place].language

    for code, places in groupby(sorted(range(len(deliveries)), key=language), key=language):
        with translation.override(code):
            for place in places:
                written[place] = _written(deliveries[place], write)
    return [written[place] for place in range(len(deliveries))]


def _written(delivery: Leased, write: Callable[[Leased], Written]) -> Written | ChannelError:
    try:
        return write(delivery)
    except ChannelError as error:
        return error
    except Exception as error:  # our bug in one notice
        log.exception("notice cannot be written notice=%d topic=%s", delivery.notice_id, delivery.topic)
        return ChannelError(f"cannot be written: {type(error).__name__}", permanent=False)
