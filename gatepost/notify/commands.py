"""`gatepost bounce`: where a mail server hands in what came back."""

import sys

import click
from django.conf import settings

from gatepost.kit.clock import utc_now
from gatepost.notify import receipts

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
