"""`gatepost up`: everything on one machine, from an empty folder to a page that answers, until Ctrl-C.

PostgreSQL, the preparations, web, worker and (for a demonstration) the mail catcher are processes of their own.
This one only starts, watches and ends them, and stays small.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import NoReturn

import click

from gatepost.kit.environment import env_settle, env_url
from gatepost.up import identities, preparations
from gatepost.up.children import Child, stop_all
from gatepost.up.envfile import write_env
from gatepost.up.keys import kept_keys
from gatepost.up.lock import only_one
from gatepost.up.logfile import LogFile
from gatepost.up.places import Places
from gatepost.up.ports import require_free
from gatepost.up.postgres import EmbeddedPostgres
from gatepost.up.processes import die_with_parent
from gatepost.up.trouble import StartError, disk_trouble

ANSWER_SECONDS_MAX = 90
TICK_SECONDS = 0.5
TRIM_EVERY_TICKS = 60
DISK_FREE_BYTES_MIN = 200_000_000
POSTGRES_RESTARTS_MAX = 3

# Tracebacks belong into the logs; threads that share their heaps cost tens of megabytes less.
FOR_CHILDREN = {"GATEPOST_TRACEBACK": "1", "PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}
GATEPOST = (sys.executable, "-m", "gatepost")
SECOND_FACTOR = "GATEPOST_SECOND_FACTOR"
SECOND_FACTOR_SAID = {
    "off": f"Staff sign in without a second factor in this demonstration ({SECOND_FACTOR}=required asks for it).",
    "required": "Staff set up a second factor when they first sign in: have an authenticator app at hand.",
}
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked us to end. Not an error, and not to be caught as one."""


def up(places: Places, *, demonstration: bool) -> None:
    """Start everything, say where it is, and watch it until a signal. Raises `StartError` with one line."""
    began_at = time.monotonic()
    try:
        _make_folders(places)
        with only_one(places.lock, address=places.site_url), _signals_stop():
            Supervisor(places, demonstration=demonstration).run(began_at)
    except Stopped:
        click.echo("Stopped.")
    except OSError as error:
        raise disk_trouble(f"work in {places.var}", error) from error


class Supervisor:
    """The processes of one `gatepost up`, in the order in which they start; they end in the opposite one."""

    def __init__(self, places: Places, *, demonstration: bool) -> None:
        self.places = places
        self.demonstration = demonstration
        self.postgres: EmbeddedPostgres | None = None
        self.postgres_restarts = 0
        self.postgres_log = LogFile(places.logs / "postgres.log")
        self.children: list[Child] = []

    def run(self, began_at: float) -> None:
        """Everything from the first check to the last goodbye."""
        require_free(self.places.listen, self._ports())
        with ExitStack() as ending:
            keys = kept_keys(self.places.keys, data=self.places.postgres / "data")
            settings = {**keys, **self._settings(self._database(ending))}
            write_env(self.places.running, settings, heading="How Gatepost runs now; gone when it has stopped.")
            ending.callback(self.places.running.unlink, missing_ok=True)
            # Two arenas: glibc otherwise keeps one for each thread that ever hashed a password.
            environment = {"MALLOC_ARENA_MAX": "2", **os.environ, **settings}
            sign_ins = self._prepared(environment)
            self.children = self._children({**environment, **FOR_CHILDREN})
            ending.callback(stop_all, self.children)
            for child in self.children:
                child.start()
            self._wait_for_web()
            announce(self.places, sign_ins, demonstration=self.demonstration, seconds=time.monotonic() - began_at)
            ending.callback(click.echo, "Stopping …")
            self._watch()

    def _ports(self) -> dict[str, int]:
        played = {
            "GATEPOST_MAIL_PORT": self.places.mail_port,
            "GATEPOST_SMTP_PORT": self.places.smtp_port,
            "GATEPOST_IDENTITIES_PORT": self.places.identities_port,
            "GATEPOST_SERVICES_PORT": self.places.services_port,
        }
        return {"GATEPOST_PORT": self.places.port, **(played if self.demonstration else {})}

    def _database(self, ending: ExitStack) -> str:
        """The URL of the database: the given one, or that of our own PostgreSQL, started."""
        given = env_url("DATABASE_URL", "", schemes=["postgresql", "postgres"])
        env_settle()
        if given:
            return given
        click.echo("Starting PostgreSQL …" if self.places.postgres.exists() else "Making a PostgreSQL database …")
        self.postgres = EmbeddedPostgres(self.places.postgres, log=self.postgres_log.path)
        ending.callback(self.postgres.stop)
        return self.postgres.start()

    def _settings(self, database_url: str) -> dict[str, str]:
        """What the children must know beyond our own environment."""
        settings = {
            "DATABASE_URL": database_url,
            "GATEPOST_VAR": str(self.places.var),
            "GATEPOST_LISTEN": self.places.listen,
            "GATEPOST_PORT": str(self.places.port),
            "GATEPOST_URL": os.environ.get("GATEPOST_URL", "").strip() or self.places.site_url,
            "GATEPOST_STATIC_ROOT": os.environ.get("GATEPOST_STATIC_ROOT", "").strip() or str(self.places.static),
            "GATEPOST_DEMONSTRATION": "true" if self.demonstration else "false",
            SECOND_FACTOR: second_factor(demonstration=self.demonstration),
        }
        if self.demonstration:
            settings |= self._catcher_settings() | identities.settings(self.places.identities_port)
        return settings

    def _catcher_settings(self) -> dict[str, str]:
        """A demonstration mails nobody but the catcher, and no telephone, whatever the environment names."""
        return {
            "GATEPOST_SMTP_HOST": "127.0.0.1",
            "GATEPOST_SMTP_PORT": str(self.places.smtp_port),
            "GATEPOST_SMTP_SECURITY": "none",
            "GATEPOST_SMTP_USER": "",
            "GATEPOST_SMS": "mail",
            "GATEPOST_MAIL_PORT": str(self.places.mail_port),
            "GATEPOST_SERVICES_PORT": str(self.places.services_port),
        }

    def _prepared(self, environment: dict[str, str]) -> Sequence[Sequence[str]]:
        """See that the preparations are done; who can sign in to the demonstration."""
        sign_ins = preparations.remembered(self.places, environment) if self.postgres else None
        if sign_ins is None:
            preparations.forget(self.places)
            sign_ins = self._prepare(environment)
            if self.postgres:
                preparations.remember(self.places, environment, sign_ins)
        return sign_ins

    def _prepare(self, environment: dict[str, str]) -> list[list[str]]:
        """Tables and demonstration city, in a process that ends; it talks to the terminal itself."""
        reader, writer = os.pipe()
        command = [*GATEPOST, "prepare", "--report-to", str(writer)]
        command += ["--demonstration"] if self.demonstration else []
        with os.fdopen(reader, encoding="utf-8") as report:
            try:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    env=environment,
                    pass_fds=[writer],
                    start_new_session=True,
                    preexec_fn=die_with_parent(signal.SIGTERM),
                )
            finally:
                os.close(writer)
            try:
                text = report.read()
                code = process.wait()
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if code:
            raise SystemExit(1)  # it has said why
        return list(json.loads(text or "[]"))

    def _children(self, environment: Mapping[str, str]) -> list[Child]:
        commands: dict[str, Sequence[str]] = {"web": [*GATEPOST, "web"], "worker": [*GATEPOST, "worker"]}
        if self.demonstration:
            commands["mailbox"] = [
                *(sys.executable, "-m", "gatepost.up.mailbox"),
                *("--smtp-port", str(self.places.smtp_port)),
                *("--http-port", str(self.places.mail_port)),
                *("--folder", str(self.places.mails)),
            ]
            commands["identities"] = [
                *(sys.executable, "-m", "gatepost.demo.identities"),
                *("--port", str(self.places.identities_port)),
            ]
            commands["services"] = [
                *(sys.executable, "-m", "gatepost.demo.services"),
                *("--port", str(self.places.services_port)),
            ]
        logs = {name: LogFile(self.places.logs / f"{name}.log") for name in commands}
        return [Child(name, command, environment=environment, log=logs[name]) for name, command in commands.items()]

    def _wait_for_web(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while time.monotonic() < deadline:
            self._tend()
            status = answer_status(self.places)
            if status >= 500:
                click.echo(
                    f"The front page answers with an error ({status}): see {self.places.logs / 'web.log'}.", err=True
                )
            if status:
                return
            time.sleep(0.1)
        raise StartError(f"The pages did not answer within {ANSWER_SECONDS_MAX} s; see {self.places.logs / 'web.log'}.")

    def _watch(self) -> NoReturn:
        tick = 0
        while True:
            tick += 1
            self._tend()
            if tick % TRIM_EVERY_TICKS == 0:
                for log in (self.postgres_log, *(child.log for child in self.children)):
                    log.trim()
            time.sleep(TICK_SECONDS)

    def _tend(self) -> None:
        self._tend_postgres()
        for child in self.children:
            for line in child.log.new_errors():
                click.echo(f"{child.name}: {line}", err=True)
            news = child.tend()
            if news:
                click.echo(news, err=True)

    def _tend_postgres(self) -> None:
        if self.postgres is None or self.postgres.is_running():
            return
        if self.postgres_restarts >= POSTGRES_RESTARTS_MAX:
            raise StartError(f"PostgreSQL ended again and again; see {self.postgres_log.path}.")
        self.postgres_restarts += 1
        click.echo(f"PostgreSQL ended; it starts again (see {self.postgres_log.path}).", err=True)
        self.postgres.start()


def announce(places: Places, sign_ins: Sequence[Sequence[str]], *, demonstration: bool, seconds: float) -> None:
    """Say where to look and who can sign in."""
    lines = [("Pages", f"{places.site_url}/")]
    if demonstration:
        lines.append(("Mails to families", f"http://127.0.0.1:{places.mail_port}/"))
    lines += [("Taps come in at", f"POST {places.site_url}/v1/taps"), ("Data and logs", f"{places.var}/")]
    click.echo(f"\nGatepost is up ({seconds:.1f} s).\n")
    _table(lines)
    if sign_ins:
        click.echo("\nSign in as:\n")
        _table(sign_ins)
        click.echo(f"\n{SECOND_FACTOR_SAID[second_factor(demonstration=demonstration)]}")
    click.echo("\nCtrl-C stops everything; the data stays.")


def second_factor(*, demonstration: bool) -> str:
    """What the settings are told: invented staff sign in without, unless somebody wants to see it."""
    return os.environ.get(SECOND_FACTOR, "").strip() or ("off" if demonstration else "required")


def answer_status(places: Places) -> int:
    """The HTTP status of the front page; 0 while nobody answers."""
    host = "127.0.0.1" if places.listen == "0.0.0.0" else places.listen  # noqa: S104
    request = f"GET / HTTP/1.0\r\nHost: {places.site_url.removeprefix('http://')}\r\n\r\n"
    try:
        with socket.create_connection((host, places.port), timeout=30) as connection:
            connection.sendall(request.encode())
            line = connection.recv(64).split(b" ")
    except OSError:
        return 0
    return int(line[1]) if len(line) > 1 and line[1].isdigit() else 0


def _make_folders(places: Places) -> None:
    for folder in (places.var, places.logs, places.static):
        folder.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(places.var).free
    if free_bytes < DISK_FREE_BYTES_MIN:
        raise StartError(f"The disk of {places.var} is full: {free_bytes // 1_000_000} MB left, 200 MB needed.")


@contextmanager
def _signals_stop() -> Iterator[None]:
    """Turn signals into `Stopped`, once: while we end, further ones change nothing."""

    def stop(number: int, frame: object) -> NoReturn:
        for other in STOP_SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(_columns, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        padded = (cell + " " * (width - _columns(cell)) for cell, width in zip(row, widths, strict=True))
        click.echo("  " + "   ".join(padded).rstrip())


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
