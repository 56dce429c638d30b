"""`gatepost operator`: for who stands at the machine, above whom there is nobody."""

from datetime import datetime

import click
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from gatepost.access import queries
from gatepost.access.invitations import Offer, invite
from gatepost.access.models import Role
from gatepost.accounts import activation, second_factor
from gatepost.accounts.models import Account, ActivationMail
from gatepost.kit.clock import utc_now


@click.group()
def operator() -> None:
    """Let operators in: the first one, further ones, and those who have lost their device.

    \b
    Example:
        gatepost operator invite ops@example.org --name "李建宏"
    """


@operator.command("invite")
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
def invite_operator(email: str, name: str) -> None:
    """Print a link that makes its reader an operator: it works once, for seven days, and no mail needs to work yet.

    Behind it a password is set (or the owner of EMAIL signs in, who has an account), and an authenticator app.

    \b
    Example:
        gatepost operator invite ops@example.org --name "李建宏"
    """
    click.echo(f"Open this link, once, within seven days:\n\n    {link_for(email, name, now=utc_now())}\n")


@operator.command("second-factor-off")
@click.argument("email")
def second_factor_off(email: str) -> None:
    """Take a lost second factor off the account of an operator, or of somebody without any role, such as a guardian.

    \b
    Example:
        gatepost operator second-factor-off ops@example.org
    """
    account = Account.objects.filter(email__iexact=email.strip()).first()
    names = queries.role_names(account) if account else frozenset()
    if account is None:
        raise click.ClickException(f"There is no account {email}.")
    if names and Role.Name.OPERATOR not in names:
        raise click.ClickException(f"{email} is helped by who stands above, on the page “People and roles”.")
    second_factor.take_away(account, by=None, now=utc_now())
    click.echo("Taken off. The person gets a mail, and sets up a new one at the next sign-in where a role needs it.")


@transaction.atomic
def link_for(email: str, name: str, *, now: datetime) -> str:
    """An invitation by nobody but the machine, and its link."""
    offer = Offer(Role.Name.OPERATOR)
    made = invite(email, name, offer, by=None, about="", language=settings.LANGUAGE_CODE, now=now)
    ActivationMail.objects.filter(activation=made.activation, made_at=None).update(due_at=None)
    secret = activation.link_at_once(made.activation, now=now)
    return settings.SITE_URL + reverse("activation-link", args=[secret])
