import argparse
import base64
import os
import signal
import sys
import threading

from gatepost.demo.identities.mobile_id import MobileId
from gatepost.demo.identities.server import Server, Simulator
from gatepost.demo.identities.taipei_pass import TaipeiPass
from gatepost.demo.identities.twfido import TwFido


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m gatepost.demo.identities",
        description="Play Taipei Pass, TW FidO and Mobile ID for a demonstration. This machine only.",
        epilog="Whose application it is says the environment: GATEPOST_URL, GATEPOST_TAIPEI_PASS_CLIENT_ID, …",
    )
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    try:
        server = Server(given.port, simulators())
    except OSError as error:
        sys.exit(f"Port {given.port} cannot be used ({error.strerror}): set GATEPOST_IDENTITIES_PORT to another one.")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stdout.write(f"Simulated identities at {server.url}/\n")
    sys.stdout.flush()
    server.serve_forever()


def simulators() -> list[Simulator]:
    """The other sides, which know us by what our own settings say."""
    site = os.environ["GATEPOST_URL"].rstrip("/")
    return [
        TaipeiPass(
            client_id=os.environ["GATEPOST_TAIPEI_PASS_CLIENT_ID"],
            client_secret=os.environ["GATEPOST_TAIPEI_PASS_CLIENT_SECRET"],
            back=f"{site}/sign-in/taipei-pass/back/",
        ),
        TwFido(
            service_id=os.environ["GATEPOST_TWFIDO_SERVICE_ID"],
            key=base64.b64decode(os.environ["GATEPOST_TWFIDO_KEY"]),
        ),
        MobileId(
            business_no=os.environ["GATEPOST_MOBILE_ID_BUSINESS_NO"],
            key_no=os.environ["GATEPOST_MOBILE_ID_KEY_NO"],
            key=os.environ["GATEPOST_MOBILE_ID_KEY"],
        ),
    ]


main()
