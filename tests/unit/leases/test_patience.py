"""A job that plans for too long, or that gets nowhere, is given up; time that nobody could use does not count."""

from parallelrun.api.settings import AdvancedSettings
from parallelrun.leases.header import NO_PROGRESS, PLANNING_FAILED, Phase
from parallelrun.leases.patience import Patience


def watch(
    patience: Patience, phase: Phase, completed: int, start: float, stop: float, paused: bool = False
) -> str | None:
    """The reason given within these seconds, looking once a second."""
    found = [patience.exceeded(phase, completed, float(now), paused) for now in range(int(start), int(stop) + 1)]
    return next((reason for reason, _ in filter(None, found)), None)


def test_planning_has_its_own_limit() -> None:
    patience = Patience(AdvancedSettings(first_task_creation_timeout=30.0))
    assert watch(patience, Phase.PLANNING, 0, 100, 130) is None
    assert watch(patience, Phase.PLANNING, 0, 131, 131) == PLANNING_FAILED
    assert watch(patience, Phase.RUNNING, 0, 132, 1000) is None


def test_every_finished_mini_batch_gives_new_time() -> None:
    patience = Patience(AdvancedSettings(progress_update_timeout=20.0))
    for completed in range(5):
        start = 100 + 15 * completed
        assert watch(patience, Phase.RUNNING, completed, start, start + 14) is None
    assert watch(patience, Phase.RUNNING, 4, 175, 181) == NO_PROGRESS
    assert watch(patience, Phase.FINALIZING, 4, 182, 900) is None


def test_without_a_limit_a_job_may_take_for_ever() -> None:
    assert watch(Patience(AdvancedSettings()), Phase.RUNNING, 0, 0, 5000) is None


def test_pauses_and_the_watchers_own_sleep_do_not_count() -> None:
    patience = Patience(AdvancedSettings(progress_update_timeout=20.0))
    assert watch(patience, Phase.RUNNING, 1, 0, 15) is None
    assert watch(patience, Phase.RUNNING, 1, 16, 60, paused=True) is None
    assert watch(patience, Phase.RUNNING, 1, 61, 75) is None
    assert watch(patience, Phase.RUNNING, 1, 500, 515) is None
    found = patience.exceeded(Phase.RUNNING, 1, 521.0, False)
    assert found is not None
    assert "spec.advanced.progressUpdateTimeoutSeconds (20 s)" in found[1]
