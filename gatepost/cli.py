"""The command line: `gatepost <command>`. Each command's code is loaded when it is typed, not before."""

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from gatepost.kit.environment import SettingsError
from gatepost.up.trouble import StartError


@dataclass(frozen=True)
class Elsewhere:
    """A command that lives in a room of its own: where, and what the list of commands says of it."""

    path: str
    about: str


ELSEWHERE = {
    "import": Elsewhere("gatepost.roster.commands:import_roster", "Read a school's or a city's roster from files."),
    "bounce": Elsewhere("gatepost.notify.commands:bounce", "Note a mail that came back, from standard input."),
    "push-keys": Elsewhere("gatepost.notify.commands:keys_for_push", "Show or renew the keys for app messages."),
    "operator": Elsewhere("gatepost.access.commands:operator", "Let operators in: the first one, and lost devices."),
    "demo": Elsewhere("gatepost.demo.commands:demo", "Build an invented city to try things on."),
    "signing-keys": Elsewhere("gatepost.sso.commands:signing_keys", "Show or renew the keys that sign for services."),
    "simulate": Elsewhere("gatepost.demo.commands:simulate", "Play a school morning through the readers' door."),
}


class Commands(click.Group):
    """Our own commands and those of other rooms, which are imported, with Django, only when they are typed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, ours and theirs."""
        return sorted({*super().list_commands(ctx), *ELSEWHERE})

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `gatepost --help`, without loading what it lists."""
        ours = {name: command.get_short_help_str(80) for name, command in self.commands.items() if not command.hidden}
        theirs = {name: entry.about for name, entry in ELSEWHERE.items()}
        with formatter.section("Commands"):
            formatter.write_dl(sorted({**ours, **theirs}.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for one of another room, get Django ready first, as far as there is anything to work on."""
        if args and args[0] in ELSEWHERE:
            if "--help" in args:
                _django_for_help()
            else:
                _django()
            return args[0], _load(ELSEWHERE[args[0]].path), args[1:]
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gatepost")
def cli() -> None:
    """Gatepost: a tap at the school gate becomes a message home.

    \b
    Begin with:
        gatepost up
    """


@cli.command()
@click.option("--no-demo", is_flag=True, help="Without the invented city and the mail catcher: for real use.")
def up(no_demo: bool) -> None:
    """Start everything on this machine: database, web, worker.

    The first start makes the folder var/ and what belongs in it; later ones find it again. DATABASE_URL names another
    PostgreSQL to use. Ports: GATEPOST_PORT (8000); in a demonstration also GATEPOST_MAIL_PORT (8025) for the page with
    the caught mails, GATEPOST_SMTP_PORT (1025), GATEPOST_IDENTITIES_PORT (8026) and GATEPOST_SERVICES_PORT (8027).
    Ctrl-C ends it cleanly.

    \b
    Example:
        GATEPOST_PORT=9000 gatepost up
    """
    from gatepost.up.places import read_places
    from gatepost.up.supervisor import up as run

    run(read_places(), demonstration=not no_demo)


@cli.command(hidden=True)
@click.option("--demonstration", is_flag=True)
@click.option("--report-to", type=int)
def prepare(demonstration: bool, report_to: int | None) -> None:
    """Make the tables, and the demonstration city where there is nothing yet; `gatepost up` runs this first.

    \b
    Example:
        gatepost prepare --demonstration
    """
    _join()
    from gatepost.up.prepare import prepare as run

    run(demonstrate=_demonstrate if demonstration else None, report_to=report_to)


@cli.command()
@click.option("--host", envvar="GATEPOST_LISTEN", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", envvar="GATEPOST_PORT", type=click.IntRange(1, 65535), default=8000, show_default=True)
@click.option("--workers", envvar="GATEPOST_WEB_WORKERS", type=click.IntRange(1, 64), default=1, show_default=True)
def web(host: str, port: int, workers: int) -> None:
    """Serve the pages and the readers' door (POST /v1/taps).

    \b
    Example:
        gatepost web --host 0.0.0.0 --workers 4
    """
    _join()
    from gatepost.up.web import serve

    serve("gatepost.config.asgi:application", host=host, port=port, workers=workers)


@cli.command()
@click.option("--host", envvar="GATEPOST_LISTEN", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", envvar="GATEPOST_GATE_PORT", type=click.IntRange(1, 65535), default=8001, show_default=True)
@click.option("--workers", envvar="GATEPOST_GATE_WORKERS", type=click.IntRange(1, 64), default=1, show_default=True)
def gate(host: str, port: int, workers: int) -> None:
    """Serve the readers' door alone, for a machine that does nothing else.

    \b
    Example:
        gatepost gate --port 8001 --workers 2
    """
    _join()
    from gatepost.up.gate import serve

    serve("gatepost.config.gate:run", host=host, port=port, workers=workers)


@cli.command()
def worker() -> None:
    """Follow the taps: mark days, send messages, ask at the cut-off who is missing.

    \b
    Example:
        gatepost worker
    """
    _django()
    _load("gatepost.config.schedule:run_worker")()


@cli.command()
def doctor() -> None:
    """Look at settings, keys, database and mail server; say what is wrong and how to mend it.

    \b
    Example:
        gatepost doctor
    """
    from gatepost.up.doctor import examine

    sys.exit(0 if examine() else 1)


@cli.command()
@click.argument("target", type=click.Path(path_type=Path), metavar="FILE|FOLDER")
@click.option("--with-keys", is_flag=True, help="Put the keys inside: whoever has the file can then read everything.")
@click.option("--keep", type=click.IntRange(1, 10_000), help="In a FOLDER: delete the oldest beyond this many backups.")
def backup(target: Path, with_keys: bool, keep: int | None) -> None:
    """Write everything to one file, as it is at this instant, while Gatepost runs.

    In a folder the file gets a name that tells the time. The keys (var/secrets.env) are not inside unless asked for:
    keep a copy of them elsewhere, a backup cannot be restored without them.

    \b
    Example:
        gatepost backup /mnt/backups --keep 14
    """
    from gatepost.up.backup import back_up
    from gatepost.up.places import read_places

    back_up(read_places(), target, with_keys=with_keys, keep=keep)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Give up all that the database holds now.")
@click.option("--check", "only_check", is_flag=True, help="Only look whether the backup is whole and the keys fit.")
def restore(file: Path, replace: bool, only_check: bool) -> None:
    """Bring a backup into an empty database; Gatepost must not be running there.

    An empty folder var/ is enough, with the copy of the keys at var/secrets.env unless they are inside the backup.
    DATABASE_URL names another PostgreSQL to use. It is done whole or not at all.

    \b
    Example:
        gatepost restore /mnt/backups/gatepost-2026-09-01-020000.backup
    """
    from gatepost.up.places import read_places
    from gatepost.up.restore import restore as run

    run(read_places(), file, replace=replace, only_check=only_check)


@cli.command()
def check() -> None:
    """Check the settings against each other, and the tables against the models.

    \b
    Example:
        gatepost check
    """
    _django()
    from django.core.management import call_command

    call_command("check", fail_level="WARNING")
    call_command("migrate", check_unapplied=True, verbosity=0)


@cli.command("django", context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run_django(arguments: Sequence[str]) -> None:
    """Run one of Django's own commands.

    \b
    Example:
        gatepost django shell
    """
    if not arguments or arguments[0] in {"-h", "--help"}:
        _django_for_help()
    else:
        _django()
    from django.core.management import execute_from_command_line

    execute_from_command_line(["gatepost django", *arguments])


def main() -> None:
    """Run the command line; whatever goes wrong is one line and an exit code. GATEPOST_TRACEBACK=1 shows where."""
    try:
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("GATEPOST_TRACEBACK", "") in {"1", "true"}:
            raise
        click.echo(f"gatepost: {_one_line(error)}", err=True)
        sys.exit(1)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    kind = type(error).__module__
    if isinstance(error, (SettingsError, StartError)) or kind.startswith("gatepost."):
        return text
    if kind.startswith(("psycopg", "django.db")):
        return f"Database: {text}"
    if isinstance(error, OSError):
        return text
    return f"{type(error).__name__}: {text} (GATEPOST_TRACEBACK=1 shows where)"


def _demonstrate() -> Sequence[Sequence[str]]:
    """Build the demonstration city where there is nothing, and register its services; who can sign in to it."""
    from gatepost.kit.clock import utc_now

    _load(ELSEWHERE["demo"].path).main(["--if-empty"], standalone_mode=False)
    port = os.environ.get("GATEPOST_SERVICES_PORT", "").strip()
    if port.isdecimal():  # their process runs beside us
        _load("gatepost.demo.services.registration:settle")(int(port), now=utc_now())
    return [(who.role, who.name, who.email, who.password) for who in _load("gatepost.demo.city:sign_ins")()]


def _join() -> None:
    from gatepost.up.places import read_places
    from gatepost.up.surroundings import join

    join(read_places())
    os.environ["DJANGO_SETTINGS_MODULE"] = "gatepost.config.settings"


def _django() -> None:
    """Django, on the database and with the keys of the installation here."""
    _join()
    _setup()


def _django_for_help() -> None:
    """Django as far as help texts need it: without a database, and with keys that open nothing."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "gatepost.up.settings_for_tools"
    _setup()


def _setup() -> None:
    import django

    django.setup()


def _load(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)
