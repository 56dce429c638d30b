"""What the other failures stand on: a server that can be killed and comes back with everything that was committed."""

import os
import subprocess
import sys

from gatepost.roster.models import School
from tests import builders
from tests.faults.ground import Ground, template_folder
from tests.faults.tally import Counts


def test_what_was_committed_is_there_after_the_postmaster_was_killed(ground: Ground, counts: Counts) -> None:
    builders.a_school("911111")
    gate, worker = ground.gate(), ground.worker()

    ground.kill_postgres()
    ground.start_postgres()
    counts.note(rounds=1, kills=1, lost=0)

    assert ground.rows("SELECT code FROM roster_school") == [("911111",)]
    assert gate.alive
    assert worker.alive
    assert School.objects.count() == 1


def test_the_template_is_there_as_long_as_the_run_whoever_tidies_up_meanwhile(ground: Ground) -> None:
    tidying = "from gatepost.up.testing import remove_left_folders as r; r(older_than_seconds=0)"
    subprocess.run([sys.executable, "-c", tidying], env=os.environ, check=True)
    assert (template_folder() / "ready").exists()
    assert (template_folder() / "postgres/data/PG_VERSION").exists()
