"""`gatepost bounce`, where a mail server hands in what came back, and `gatepost push-keys`."""

import sys

import click
from django.conf import settings

from gatepost.kit.clock import utc_now
from gatepost.notify import push_keys, receipts
from gatepost.notify.models import PushKey

BYTES_MAX = 10_000_000


@click.command(
    epilog='Example, a line of a mail server\'s aliases: bounce: "|gatepost bounce --to $original_recipient"'
)
@click.option("--to", required=True, help="The address it came to: bounce+…@ our own domain.")
def bounce(to: str) -> None:
    """Read a mail that came back from standard input and note what it reports.

    Exits 0 for whatever it was, so that no mail server tries again; says on standard output what it made of it.
    """
    message = sys.stdin.buffer.read(BYTES_MAX)
    click.echo(receipts.bounced(message, to=to, secret=settings.MAIL_BOUNCE_SECRET, now=utc_now()))


@click.command("push-keys", epilog="Example: gatepost push-keys --make")
@click.option("--make", is_flag=True, help="Make a new key; each browser is given it at its next visit.")
def keys_for_push(make: bool) -> None:
    """Show the keys by which push services know us, or make a new one. The first is made by itself.

    A browser that was given an older key is spoken to with that one until its next visit. There is no need to make a
    new one but where somebody else may have the old.
    """
    if make:
        push_keys.make(now=utc_now())
    for key in PushKey.objects.order_by("-made_at", "-pk"):
        click.echo(f"{key.public}  made {key.made_at:%Y-%m-%d %H:%M} UTC, {key.receivers.count()} browsers")
