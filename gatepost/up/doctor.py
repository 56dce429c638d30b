"""`gatepost doctor`: one line for each thing that can be wrong, with what to do about it."""

import os
import shutil
import smtplib
import socket
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import click

from gatepost.kit.environment import SettingsError
from gatepost.up.database import first_line, pending_migrations, require_fitting_keys, require_usable
from gatepost.up.lock import holder
from gatepost.up.places import Places, read_places
from gatepost.up.surroundings import join
from gatepost.up.trouble import StartError

MAIL_SECONDS_MAX = 5
DISK_FREE_BYTES_MIN = 1_000_000_000


@dataclass(frozen=True)
class Finding:
    """What was looked at, whether it is well, and what was seen or is to be done."""

    about: str
    well: bool
    text: str


def examine() -> bool:
    """Print the findings; whether all is well."""
    findings = []
    for finding in _findings():
        click.echo(f"{'ok      ' if finding.well else 'trouble '} {finding.about:<12} {finding.text}")
        findings.append(finding)
    return all(finding.well for finding in findings)


def _findings() -> Iterator[Finding]:
    """Each look stands on the ones before: where one fails that the rest needs, the rest is left out."""
    try:
        places = read_places()
        yield _running(places)
        yield from _disk(places)
        yield from _keys_file(places)
        join(places)
    except (SettingsError, StartError) as error:
        yield Finding("environment", False, str(error))
        return
    settings = _look("settings", _settings)
    yield settings
    database = _look("database", lambda: require_usable(os.environ["DATABASE_URL"]))
    yield database
    if settings.well and database.well:
        tables = _look("tables", _tables)
        yield tables
        yield _look("keys", _keys)
        yield from _rounds() if tables.well else ()
    if settings.well:
        yield _look("address", _address)
        yield _look("privacy", who_answers)
        yield _look("mail server", _mail_server)


def _rounds() -> Iterator[Finding]:
    """How it runs, as the tables tell it."""
    from gatepost.kit.clock import utc_now
    from gatepost.up.rounds import LOOKS

    for about, look in LOOKS:
        yield _look(about, partial(look, utc_now()))


def _look(about: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(about, True, look())
    except (SettingsError, StartError) as error:
        return Finding(about, False, str(error))
    except Exception as error:  # a doctor who faints helps nobody
        return Finding(about, False, f"{type(error).__name__}: {first_line(error)}")


def _running(places: Places) -> Finding:
    held_by = holder(places.lock)
    return Finding("up", True, f"runs: {held_by}" if held_by else "does not run here now")


def _disk(places: Places) -> Iterator[Finding]:
    if not places.var.exists():
        return
    free_bytes = shutil.disk_usage(places.var).free
    well = free_bytes >= DISK_FREE_BYTES_MIN
    yield Finding("disk", well, f"{free_bytes // 1_000_000} MB left{'' if well else ': make room'} ({places.var})")


def _keys_file(places: Places) -> Iterator[Finding]:
    if not places.keys.exists():
        return
    well = not stat.S_IMODE(places.keys.stat().st_mode) & 0o077
    yield Finding("keys' file", well, f"{places.keys}" + ("" if well else " can be read by others: chmod 600"))


def _settings() -> str:
    os.environ["DJANGO_SETTINGS_MODULE"] = "gatepost.config.settings"
    import django
    from django.conf import settings
    from django.core.checks import WARNING, run_checks
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except ImproperlyConfigured as error:
        raise StartError(f"{error}") from error
    troubles = [check for check in run_checks() if check.level >= WARNING]
    if troubles:
        raise StartError("; ".join(check.msg for check in troubles))
    if not settings.DEMONSTRATION and settings.DEBUG:
        raise StartError("GATEPOST_DEBUG is on: error pages would show what they must not. Switch it off.")
    if settings.DEMONSTRATION:
        return "for a demonstration" + (", staff sign in by password alone" if settings.SECOND_FACTOR == "off" else "")
    return "for real use"


def _address() -> str:
    from django.conf import settings

    if not settings.DEMONSTRATION and not settings.HTTPS:
        raise StartError(
            f"{settings.SITE_URL} is not https, passwords travel in clear: set GATEPOST_URL to what families use."
        )
    return str(settings.SITE_URL)


def who_answers() -> str:
    """Whom the privacy notice names. Raises `StartError` where it leaves out what the law wants said."""
    from django.conf import settings

    given = {"GATEPOST_PRIVACY_BODY": settings.PRIVACY_BODY, "GATEPOST_PRIVACY_CONTACT": settings.PRIVACY_CONTACT}
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise StartError(f"the privacy notice must name who collects and whom to ask: set {' and '.join(missing)}.")
    return f"the notice names {settings.PRIVACY_BODY}"


def _tables() -> str:
    count = pending_migrations()
    if count:
        raise StartError(f"{count} migrations are missing: run `gatepost prepare` (`gatepost up` does it by itself).")
    return "up to date"


def _keys() -> str:
    return "they open what the database holds" if require_fitting_keys() else "nothing is sealed with them yet"


def _mail_server() -> str:
    from django.conf import settings

    place = f"{settings.SMTP_HOST}:{settings.SMTP_PORT}"
    kind = smtplib.SMTP_SSL if settings.SMTP_SECURITY == "tls" else smtplib.SMTP
    try:
        with kind(settings.SMTP_HOST, settings.SMTP_PORT, timeout=MAIL_SECONDS_MAX) as server:
            server.ehlo()
            if settings.SMTP_SECURITY == "starttls" and not server.has_extn("starttls"):
                raise StartError(f"{place} offers no STARTTLS: see GATEPOST_SMTP_SECURITY, GATEPOST_SMTP_HOST.")
    except (OSError, smtplib.SMTPException, socket.gaierror) as error:
        raise StartError(f"{place} does not answer ({error}): see GATEPOST_SMTP_HOST, GATEPOST_SMTP_PORT.") from error
    return f"{place} answers"
