"""How long Hypothesis looks: briefly by default, long with PARALLELRUN_HYPOTHESIS=soak."""

import os

from hypothesis import HealthCheck, settings

SOAK = os.environ.get("PARALLELRUN_HYPOTHESIS") == "soak"


def effort(examples: int, steps: int = 50) -> settings:
    """Settings for about ``examples`` examples, twenty times as many in a soak."""
    return settings(
        max_examples=examples * 20 if SOAK else examples,
        stateful_step_count=steps * 2 if SOAK else steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
