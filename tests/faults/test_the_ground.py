"""What the other failures stand on: a server that can be killed and comes back with everything that was committed."""

from gatepost.roster.models import School
from tests import builders
from tests.faults.ground import Ground
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
