"""The command that shows and renews the keys which sign tokens."""

import click

from gatepost.kit.clock import utc_now
from gatepost.sso import keys


@click.command("signing-keys")
@click.option("--rotate", is_flag=True, help="Make a new key; it signs in an hour, when services know it.")
@click.option("--withdraw", "kid", metavar="KEY", help="Somebody else may have this key: nothing it signed counts now.")
def signing_keys(rotate: bool, kid: str | None) -> None:
    """Show the keys that sign what services are told, or renew them.

    Once a year is often enough, and nobody notices. A withdrawn key signs people out of services that check.

    \b
    Example:
        gatepost signing-keys --rotate
    """
    now = utc_now()
    if kid is not None:
        try:
            keys.withdraw(kid, now=now)
        except keys.KeyUnknown as error:
            raise click.ClickException(
                f"No key {kid} is published; `gatepost signing-keys` shows those that are."
            ) from error
        click.echo(f"Withdrawn: {kid}")
    if rotate:
        key = keys.rotate(now=now)
        click.echo(f"Made: {key.kid}")
    for key in keys.published(now):
        until = f", published until {key.ended_at:%Y-%m-%d %H:%M} UTC" if key.ended_at else ""
        click.echo(f"{key.kid}  signs from {key.signs_from:%Y-%m-%d %H:%M} UTC{until}")
