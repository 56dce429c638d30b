"""Who closes their account leaves nothing behind that signs in, and no name. Who may, and when, is decided above."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator

from gatepost.accounts import devices
from gatepost.accounts.models import (
    Account,
    Activation,
    ActivationMail,
    EmailChange,
    OldPassword,
    Passkey,
    PhoneApproval,
)


def forget_ways_in(account: Account) -> None:
    """Sessions, password, passkeys and second factor are gone. For a transaction."""
    devices.end_others(account, but="")
    for model in (Passkey, OldPassword, PhoneApproval, EmailChange):
        model._default_manager.filter(account=account).delete()
    Authenticator.objects.filter(user=account).delete()
    EmailAddress.objects.filter(user=account).delete()
    account.set_unusable_password()
    account.save(update_fields=["password"])


def nowhere(account: Account) -> str:
    """An email that no mailbox has, in place of the account's (RFC 2606)."""
    return f"closed-{account.pk}@closed.invalid"


def forget_name(account: Account) -> None:
    """Name and email are gone, and the mails that went there; the account signs nobody in. For a transaction."""
    Activation.objects.filter(account=account).update(email=nowhere(account), name="", first_password_digest=None)
    ActivationMail.objects.filter(account=account).delete()
    account.email, account.name, account.is_active, account.last_login = nowhere(account), "", False, None
    account.save(update_fields=["email", "name", "is_active", "last_login"])
