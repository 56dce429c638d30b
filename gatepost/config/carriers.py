"""Who carries messages on which channel, as the settings describe it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from gatepost.allowances import rules
from gatepost.channels.email.pool import SmtpPool
from gatepost.channels.line.transport import LineTransport
from gatepost.kit.worker import Loop
from gatepost.notify import relay, sender, sms_receipts
from gatepost.notify import sms as notify_sms
from gatepost.notify.line import line_settings
from gatepost.notify.line.carrier import LineCarrier
from gatepost.notify.mail import MailCarrier
from gatepost.notify.push import PushCarrier, a_sender


@dataclass(frozen=True, slots=True)
class Way:
    """One channel's carrier, and how the worker's loop uses it: `handful` as in `sender.send_due`."""

    channel: str
    carrier: sender.Carrier
    handful: int = sender.HANDFUL
    is_down: Callable[[], bool] = lambda: False  # leasing what can only be given back would be of no use
    beside: tuple[Loop, ...] = ()  # what else this channel needs to be done

    def loop(self) -> Loop:
        """The loop that sends what is due on this channel."""
        name = "mail" if self.channel == "email" else self.channel
        return Loop(name, self._send, every_seconds=1, channel="gatepost_deliveries")

    def _send(self, now: datetime) -> int:
        if self.is_down():
            return 0
        return sender.send_due(self.channel, self.carrier, now=now, handful=self.handful)


def mail_carrier() -> MailCarrier:
    """The carrier of mails."""
    return MailCarrier(
        SmtpPool(relay.smtp_settings(), size=settings.SMTP_CONNECTIONS, sign=relay.signature()),
        sender=relay.sender_mailbox(),
        site_url=settings.SITE_URL,
        bounce_domain=settings.MAIL_BOUNCE_DOMAIN,
        bounce_secret=settings.MAIL_BOUNCE_SECRET,
    )


def mail() -> Way:
    """Mails, over a pool of connections to the relay."""
    carrier = mail_carrier()
    return Way("email", carrier, is_down=lambda: carrier.is_down)


def line() -> Way:
    """LINE messages. LINE knows a repeat by its key, so a whole batch may be under way."""
    carrier = LineCarrier(LineTransport(line_settings()))
    return Way("line", carrier, handful=sender.BATCH, is_down=lambda: carrier.is_down)


def sms() -> Way:
    """Short messages, over the gateway of the settings; what is paid for is asked of the schools' budgets."""
    gateway = notify_sms.gateway()
    carrier = notify_sms.SmsCarrier(gateway, rules.allow)
    receipts = Loop(
        "sms-receipts",
        lambda now: sms_receipts.collect(gateway, now=now) + rules.give_back(now=now) + sms_receipts.forget(now=now),
        every_seconds=5,
        repeat=False,
    )
    returned = Loop(
        "sms-returned",
        lambda now: rules.give_back(now=now, back=rules.LOOKED_AT_HOURLY),
        every_seconds=timedelta(hours=1).total_seconds(),
    )
    return Way("sms", carrier, is_down=lambda: carrier.is_down, beside=(receipts, returned))


def push() -> Way:
    """Messages to browsers."""
    return Way("push", PushCarrier(a_sender()))


WAYS: dict[str, Callable[[], Way]] = {"email": mail, "line": line, "sms": sms, "push": push}


def ways() -> list[Way]:
    """One for each channel that is switched on."""
    return [WAYS[channel]() for channel in settings.CHANNELS]
