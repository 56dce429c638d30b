"""Both listeners of the mail catcher, in one event loop."""

import asyncio
import errno
import signal
import sys
from collections.abc import Awaitable
from functools import partial
from pathlib import Path

from gatepost.up.mailbox.http import HEAD_OCTETS_MAX, HttpServer
from gatepost.up.mailbox.routes import Routes
from gatepost.up.mailbox.smtp import Receiver
from gatepost.up.mailbox.store import MailStore
from gatepost.up.trouble import StartError, disk_trouble

HOST = "127.0.0.1"  # not a setting: nobody else is to read these mails
ZONE = "Asia/Taipei"


def run(smtp_port: int, http_port: int, folder: Path, *, zone: str = ZONE) -> None:
    """Catch mails and show them until SIGINT or SIGTERM. Times are shown as in `zone`.

    StartError in one line when a port is taken or the folder cannot be used.
    """
    try:
        store = MailStore(folder)
    except OSError as error:
        raise disk_trouble(f"keep mails in {folder}", error) from error
    asyncio.run(_serve(smtp_port, http_port, store, zone=zone))


async def _serve(smtp_port: int, http_port: int, store: MailStore, *, zone: str) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    receivers: set[Receiver] = set()
    smtp = await _listening(smtp_port, loop.create_server(partial(Receiver, store, receivers), HOST, smtp_port))
    http = HttpServer(Routes(store, zone=zone))
    web = await _listening(http_port, asyncio.start_server(http.talk, HOST, http_port, limit=HEAD_OCTETS_MAX))
    sys.stdout.write(f"Mail catcher: SMTP on {HOST}:{smtp_port}, mails at http://{HOST}:{http_port}/\n")
    sys.stdout.flush()
    await stopped.wait()
    smtp.close()
    web.close()
    for receiver in list(receivers):
        receiver.hang_up()


async def _listening(port: int, opening: Awaitable[asyncio.Server]) -> asyncio.Server:
    try:
        return await opening
    except OSError as error:
        taken = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise StartError(f"Port {port} {taken}: the mail catcher needs another one.") from error
