"""How pages do in Lighthouse on a phone: `make lighthouse`. Not part of `make test`: its figures depend on the machine.

The npm package is put into var/lighthouse/ the first time; without Node it says that nothing is measured.
Each category must reach `ENOUGH` of 100; what is below is listed with the audits that cost it.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from playwright.sync_api import sync_playwright

from gatepost.demo.cast import GUARDIAN
from gatepost.up.browser import browser_path
from tests.shots import gatepost, signed_in

FOLDER = Path(__file__).resolve().parent.parent / "var" / "lighthouse"
PACKAGE = "lighthouse@12.8.2"
ENOUGH = 95
PAGES = {"/": "", "/sign-in/": "", "/family/": GUARDIAN.email, "/family/settings/": GUARDIAN.email}
# Which search engines shall not read is no fault of a page behind the sign-in.
PUBLIC_ONLY = "seo"


def main() -> int:
    """Measure every page; 1 if one is not good enough."""
    if not shutil.which("npm"):
        sys.stdout.write("Node and npm are not on this machine: nothing measured.\n")
        return 0
    install = [
        "npm",
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--silent",
        "--prefix",
        str(FOLDER),
        PACKAGE,
    ]
    FOLDER.mkdir(parents=True, exist_ok=True)
    subprocess.run(install, check=True, timeout=600)
    with gatepost() as site:
        return min(1, measure(site))


def measure(site: str) -> int:
    """How many scores of the pages of `site` are below `ENOUGH`."""
    below = 0
    for path, email in PAGES.items():
        report = _report(urljoin(site, path), cookie=_cookie(site, email) if email else "")
        scores = {name: round(100 * (one["score"] or 0)) for name, one in report["categories"].items()}
        counted = {name: score for name, score in scores.items() if not (email and name == PUBLIC_ONLY)}
        sys.stdout.write(f"{path:20} {' '.join(f'{name} {score}' for name, score in counted.items())}\n")
        for name in [name for name, score in counted.items() if score < ENOUGH]:
            below += 1
            sys.stdout.write(f"    {name}: {', '.join(_costly(report, name))}\n")
    return below


def _report(address: str, *, cookie: str) -> dict[str, Any]:
    command = [str(FOLDER / "node_modules/.bin/lighthouse"), address, "--quiet", "--output=json"]
    command += [f"--extra-headers={json.dumps({'Cookie': cookie})}"] if cookie else []
    flags = "--chrome-flags=--headless=new --no-sandbox --disable-gpu --disable-background-networking"
    environment = {**os.environ, "CHROME_PATH": str(browser_path())}
    done = subprocess.run([*command, flags], env=environment, check=True, capture_output=True, timeout=300)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def _cookie(site: str, email: str) -> str:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=["--no-sandbox"])
        with signed_in(browser, site, email) as context:
            return "; ".join(f"{one.get('name')}={one.get('value')}" for one in context.cookies())


def _costly(report: dict[str, Any], category: str) -> list[str]:
    """The audits of a category that are not passed."""
    weighed = [one["id"] for one in report["categories"][category]["auditRefs"] if one["weight"]]
    return [name for name in weighed if (report["audits"][name]["score"] or 0) < 1]


if __name__ == "__main__":
    sys.exit(main())
