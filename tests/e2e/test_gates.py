"""A model that is not good enough, or that nobody said what good is for: not blessed, not pushed."""

import pytest

from tests.e2e.site import BEFORE_TRAINING, Ended, Site, refused

pytestmark = pytest.mark.slow


def judged(site: Site, metrics: str) -> Ended:
    return site.run("--set", f"evaluation.metrics={metrics}")


def test_a_bound_that_cannot_be_met(site: Site) -> None:
    ended = judged(site, '[{name="mean_absolute_error", upper_bound=0.25}]')
    refused(
        ended, 5, "not blessed", "nothing was pushed", "above its upper bound 0.25", "mean_absolute_error", "NOT OK"
    )


def test_without_a_single_bound(site: Site) -> None:
    ended = judged(site, '[{name="mean_absolute_error"}]')
    refused(ended, 5, "not blessed", "nothing was pushed", "no thresholds are set")
    assert all(f"  {node:<17} reused" in ended.stderr for node in (*BEFORE_TRAINING, "Trainer"))
