import subprocess
import sys
from pathlib import Path

import pytest

INSTALLER = """#!/bin/sh
echo "$0 $*" >>"$HERE/calls"
case "$*" in *install*)
  printf '#!/bin/sh\\necho Noto Sans CJK TC\\n' >"$HERE/fc-list"
  printf '#!/bin/sh\\n' >"$HERE/chromium"
  chmod +x "$HERE/fc-list" "$HERE/chromium"
esac
"""


def sees_to_the_browser(here: Path) -> subprocess.CompletedProcess[str]:
    """`python -m gatepost.up.browser` on a machine that has only the programs in `here`."""
    return subprocess.run(
        [sys.executable, "-m", "gatepost.up.browser"],
        env={"PATH": str(here), "HERE": str(here)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def installer(tmp_path: Path) -> Path:
    program = tmp_path / "apt-get"
    program.write_text(INSTALLER)
    program.chmod(0o755)
    (tmp_path / "chmod").symlink_to("/bin/chmod")
    return program


def test_what_is_missing_is_installed_once(tmp_path: Path, installer: Path) -> None:
    assert sees_to_the_browser(tmp_path).returncode == 0
    calls = (tmp_path / "calls").read_text()
    assert "install -y -qq --no-install-recommends chromium fontconfig fonts-noto-cjk" in calls
    assert sees_to_the_browser(tmp_path).returncode == 0
    assert (tmp_path / "calls").read_text() == calls


def test_an_installer_that_fails_is_said_in_one_line(tmp_path: Path, installer: Path) -> None:
    installer.write_text("#!/bin/sh\nexit 100\n")
    answer = sees_to_the_browser(tmp_path)
    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1] == (
        "Browser tests need chromium fontconfig fonts-noto-cjk: please install them with apt-get."
    )


def test_without_a_package_manager_a_person_is_asked(tmp_path: Path) -> None:
    answer = sees_to_the_browser(tmp_path)
    assert answer.returncode == 1
    assert answer.stderr == "Browser tests need Chromium and a font with Chinese characters: please install them.\n"
