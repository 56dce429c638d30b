"""The ways a family can be told: for each channel, the pages that add an address and prove it."""

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from gatepost.notify.models import Channel


@dataclass(frozen=True, slots=True)
class Way:
    """`add` and `prove` name pages; `prove` takes the address. `waiting` says what is missing until it is used."""

    channel: Channel
    label: Promise
    add: str
    prove: str
    prove_label: Promise
    waiting: Promise

    @property
    def url(self) -> str:
        """Where such an address is added."""
        return reverse(self.add)


WAYS = (
    Way(
        Channel.EMAIL,
        label=gettext_lazy("Add an email address"),
        add="address-new",
        prove="address-code",
        prove_label=gettext_lazy("Type the code"),
        waiting=gettext_lazy("It is used once you have typed the code we mailed there."),
    ),
    Way(
        Channel.LINE,
        label=gettext_lazy("Connect LINE"),
        add="address-line",
        prove="address-line-again",
        prove_label=gettext_lazy("Connect again"),
        waiting=gettext_lazy("It is used once you have connected it."),
    ),
    Way(
        Channel.SMS,
        label=gettext_lazy("Add a mobile number"),
        add="number-new",
        prove="number-code",
        prove_label=gettext_lazy("Type the code"),
        waiting=gettext_lazy("It is used once you have typed the code we sent there."),
    ),
    Way(
        Channel.PUSH,
        label=gettext_lazy("Get messages on this phone"),
        add="push-new",
        prove="push-test",
        prove_label=gettext_lazy("Send a test message"),
        waiting=gettext_lazy("It is used once the test message has arrived."),
    ),
)


def on_offer() -> list[Way]:
    """Those whose channel is switched on."""
    return [way for way in WAYS if way.channel in settings.CHANNELS]
