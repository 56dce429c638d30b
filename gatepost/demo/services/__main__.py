import argparse
import os

from gatepost.demo.services.server import run


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m gatepost.demo.services",
        description="Two invented services that people sign in to with their account at Gatepost. This machine only.",
        epilog="Example: python -m gatepost.demo.services --port 8027 --issuer http://127.0.0.1:8000",
    )
    parser.add_argument("--port", type=int, default=8027)
    parser.add_argument("--issuer", default=os.environ.get("GATEPOST_URL", "http://127.0.0.1:8000"))
    given = parser.parse_args()
    run(given.port, given.issuer)


main()
