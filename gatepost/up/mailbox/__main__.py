import argparse
import sys
from pathlib import Path

from gatepost.up.mailbox.server import run
from gatepost.up.trouble import StartError


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m gatepost.up.mailbox",
        description="Catch every mail sent to the SMTP port, and show them on a page. This machine only.",
        epilog="Example: python -m gatepost.up.mailbox --smtp-port 1025 --http-port 8025 --folder var/mails",
    )
    parser.add_argument("--smtp-port", type=int, default=1025)
    parser.add_argument("--http-port", type=int, default=8025)
    parser.add_argument("--folder", type=Path, default=Path("var/mails"))
    given = parser.parse_args()
    try:
        run(given.smtp_port, given.http_port, given.folder)
    except StartError as error:
        sys.exit(str(error))


main()
