"""Those who carry messages outside: a mail server, LINE, a push service and a carrier of text messages, each with its
trouble. Pauses that our side makes after trouble pass as fast as the morning that is played."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, cast

import pytest

from gatepost.channels.email import pool
from gatepost.channels.line import transport
from gatepost.channels.line.tests.platform import SECRET, TOKEN, Platform, a_platform
from gatepost.channels.push.tests.service import PushService, a_push_service
from gatepost.channels.sms import mitake as mitake_client
from gatepost.channels.sms import segments
from gatepost.channels.sms import smpp as smpp_client
from gatepost.channels.sms.smpp_link import SmppSettings
from gatepost.channels.sms.tests.fake_mitake import FakeMitake, mitake
from gatepost.notify import sms as notify_sms
from tests.builders import at
from tests.faults.sink import Mail, Manners, Sink
from tests.interop import packages
from tests.interop.carrier import Carrier, a_carrier

PROVIDERS = ("line", "email", "push", "sms")


class Clock:
    """Stands in for `time` where our side remembers who was down: what is played passes as well as what passes."""

    def __init__(self) -> None:
        self.played = timedelta()

    def monotonic(self) -> float:
        """Seconds, as `time.monotonic` has them."""
        return time.monotonic() + self.played.total_seconds()


class Forever:
    """A script that never ends: LINE in trouble."""

    def popleft(self) -> Any:
        return 500, {"message": "Internal server error"}


class Busy(Manners):
    """A mail server that takes nothing today."""

    async def message(self, mail: Mail) -> bytes:
        return b"451 4.3.0 try again later"


class TextMessages(Protocol):
    """A carrier of text messages. `fails`: the ways in which it fails in a morning, one after the other."""

    fails: list[str]

    def fail(self, now: datetime) -> None:
        """It takes nothing; `now` says in which way."""
        ...

    def deliver(self) -> None:
        """Telephones show what was taken: those whose number does not end in 2, which are switched off all day."""
        ...

    def got(self) -> Counter[tuple[str, str]]:
        """How often each number was sent each text."""
        ...

    def segments(self) -> int:
        """How many it will want to be paid."""
        ...

    def fails_seen(self) -> list[str]:
        """In which ways it failed while it was asked for something."""
        ...


@dataclass
class OverMitake:
    """The gateway of our own that answers as Mitake's document says."""

    fake: FakeMitake
    fails: list[str] = field(default_factory=lambda: ["503"])

    def fail(self, now: datetime) -> None:
        self.fake.down = 503

    def deliver(self) -> None:
        for reference, fields in zip(self.fake.statuses, self._taken(), strict=True):
            if not fields[1].endswith("2"):
                self.fake.statuses[reference] = "4"

    def got(self) -> Counter[tuple[str, str]]:
        if self.fake.down != 200:  # it keeps what it was asked, and said that it took nothing
            return Counter()
        return Counter((fields[1], fields[6]) for fields in self._taken())

    def segments(self) -> int:
        return sum(segments.count(text).number * times for (_, text), times in self.got().items())

    def fails_seen(self) -> list[str]:
        return ["503"] if self.fake.down == 503 and self.fake.requests else []

    def _taken(self) -> list[list[str]]:
        return list(self.fake.sent.values())


# What is the matter with it, from when on.
MATTERS = {"refused": at("07:00"), "unbound": at("07:50"), "throttled": at("08:10"), "silent": at("08:33")}


@dataclass
class OverSmpp:
    """node-smpp's server, which was not written here. Its receipts come by themselves."""

    carrier: Carrier
    log: pytest.LogCaptureFixture
    fails: list[str] = field(default_factory=lambda: list(MATTERS))
    matter: str = "well"

    def fail(self, now: datetime) -> None:
        matter = [what for what, since in MATTERS.items() if since <= now][-1]
        if matter != self.matter:
            self.matter = matter
            self.carrier.suffer(matter)

    def deliver(self) -> None:
        pass

    def got(self) -> Counter[tuple[str, str]]:
        return Counter((one["to"], one["text"]) for one in self._taken() if one["header"][-2:] in ("", "01"))

    def segments(self) -> int:
        return len(self._taken())

    def fails_seen(self) -> list[str]:
        self.carrier.suffer(self.matter)  # whatever it said before is heard now
        seen = {one["matter"] for one in self.carrier.said if one["event"] in ("bind", "untaken")} - {"well"}
        if any("ConnectionRefusedError" in text for text in self.log.messages):
            seen.add("refused")
        return [matter for matter in MATTERS if matter in seen]

    def _taken(self) -> list[dict[str, Any]]:
        self.carrier.suffer(self.matter)
        return [one for one in self.carrier.said if one["event"] == "submit"]


@dataclass
class Providers:
    """The four, and what each is told to say."""

    mail: Sink
    line: Platform
    push: PushService
    sms: TextMessages
    clock: Clock = field(default_factory=Clock)

    def fail(self, provider: str, now: datetime) -> None:
        """This one takes nothing, in the way of `now`."""
        match provider:
            case "email":
                self.mail.manners = Busy()
            case "line":
                self.line.script = cast("Any", Forever())
            case "push":
                self.push.answer = (503, {})
            case "sms":
                self.sms.fail(now)

    def got(self, provider: str) -> Counter[tuple[str, str]]:
        """How often each person got each text there."""
        match provider:
            case "email":
                return Counter((one.to, one.subject) for one in self.mail.mails)
            case "line":
                return Counter(self.line.got)
            case "push":
                return Counter((one.path, one.headers["topic"]) for one in self.push.taken)
        return self.sms.got()


@contextmanager
def four_providers(
    settings: Any, monkeypatch: pytest.MonkeyPatch, sink: Sink, caplog: pytest.LogCaptureFixture, *, gateway: str
) -> Iterator[Providers]:
    """They listen on ports of this machine until the block ends, and the settings lead there. `gateway`: mitake or
    smpp; the test is skipped where the other side of smpp cannot be had."""
    with ExitStack() as stack:
        line, push = stack.enter_context(a_platform()), stack.enter_context(a_push_service())
        settings.CHANNELS = ["email", "line", "push", "sms"]
        settings.SMTP_HOST, settings.SMTP_PORT, settings.SMTP_SECURITY = "127.0.0.1", sink.port, "none"
        settings.LINE_CHANNEL_SECRET, settings.LINE_ACCESS_TOKEN = SECRET, TOKEN
        settings.LINE_ACCOUNT, settings.LINE_API = "@123abcde", line.url
        settings.PUSH_CONTACT, settings.PUSH_PRIVATE = "mailto:gatepost@gatepost.example", True
        settings.SMS = gateway
        sms: TextMessages
        if gateway == "smpp":
            carrier = stack.enter_context(a_carrier(packages.installed()))
            sms = OverSmpp(carrier, caplog)
            settings.SMS_HOST, settings.SMS_PORT, settings.SMS_TLS = "127.0.0.1", carrier.port, False
            settings.SMS_USER, settings.SMS_PASSWORD, settings.SMS_SENDER = "gatepost", "secret", "68886"
            # A silent carrier is waited for a second instead of ten.
            monkeypatch.setattr(notify_sms, "SmppSettings", partial(SmppSettings, answer_seconds=1.0))
        else:
            fake = stack.enter_context(mitake())
            sms = OverMitake(fake)
            settings.SMS_URL, settings.SMS_USER, settings.SMS_PASSWORD = fake.url, "city", "secret"
        settings.LADDER_WAIT = timedelta(minutes=5)
        providers = Providers(sink, line, push, sms)
        for module in (pool, transport, mitake_client, smpp_client):
            monkeypatch.setattr(module, "time", providers.clock)
        yield providers
