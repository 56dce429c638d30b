"""The browser and the fonts that tests walk our pages with: found, or installed by the system's package manager.

`python -m gatepost.up.browser` makes sure that both are there, or says in one line what to install.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
INSTALL = {
    "apt-get": (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]),
    "dnf": ([], ["dnf", "install", "-y", "-q"]),
    "pacman": ([], ["pacman", "-S", "--noconfirm", "--needed"]),
}
PACKAGES = {
    "apt-get": {"browser": "chromium", "font": "fonts-noto-cjk", "fc-list": "fontconfig"},
    "dnf": {"browser": "chromium", "font": "google-noto-sans-cjk-fonts", "fc-list": "fontconfig"},
    "pacman": {"browser": "chromium", "font": "noto-fonts-cjk", "fc-list": "fontconfig"},
}


def browser_path() -> str | None:
    """The Chromium of this machine: the one that GATEPOST_CHROMIUM names, or one on the path."""
    named = os.environ.get("GATEPOST_CHROMIUM", "").strip()
    return named or next((path for name in BROWSERS if (path := shutil.which(name))), None)


def has_font() -> bool:
    """Whether some font of this machine has the characters of Taiwan."""
    lister = shutil.which("fc-list")
    if lister is None:
        return False
    listed = subprocess.run([lister, ":lang=zh-tw", "family"], capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip())


def missing() -> list[str]:
    """What is not there: `browser`, `font`, `fc-list`."""
    there = {"browser": browser_path() is not None, "fc-list": shutil.which("fc-list") is not None, "font": has_font()}
    return [name for name, is_there in there.items() if not is_there]


def main() -> None:
    """Install what is missing, if the system lets us; end with one line and code 1 if it does not."""
    lacking = missing()
    if not lacking:
        return
    manager = next((name for name in INSTALL if shutil.which(name)), None)
    if manager is None:
        sys.exit("Browser tests need Chromium and a font with Chinese characters: please install them.")
    packages = [PACKAGES[manager][name] for name in lacking]
    sys.stderr.write(f"Installing {' '.join(packages)} for the browser tests …\n")
    if not _install(manager, packages) or missing():
        sys.exit(f"Browser tests need {' '.join(packages)}: please install them with {manager}.")


def _install(manager: str, packages: Sequence[str]) -> bool:
    refresh, install = INSTALL[manager]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (refresh, [*install, *packages]):
        if (
            command
            and subprocess.run(
                [*_as_root(), *command], env=environment, stdin=subprocess.DEVNULL, check=False
            ).returncode
        ):
            return False
    return True


def _as_root() -> list[str]:
    return [] if os.geteuid() == 0 or not shutil.which("sudo") else ["sudo", "-n"]


if __name__ == "__main__":
    main()
