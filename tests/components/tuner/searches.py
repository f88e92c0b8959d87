"""A search that is over, for tests of what is said of it."""

from typing import Any

from components.tuner.record import Compared, Search, Trial


def search(**more: Any) -> Search:
    names = [
        Trial(0, "complete", {"rate": 0.1, "units": [8]}, 30.0, True, ((5, 40.0), (10, 30.0)), 10, 1.0),
        Trial(1, "pruned", {"rate": 0.5, "units": [8]}, 40.0, False, ((5, 40.0),), 10, 0.5),
        Trial(2, "complete", {"rate": 0.05, "units": [16, 8]}, 24.0, False, ((5, 35.0), (10, 24.0)), 10, 2.0),
        Trial(3, "failed", {"rate": 0.9, "units": [8]}, None, reason="The loss became NaN"),
        Trial(4, "complete", {"rate": 0.06, "units": [8]}, 27.0, False, ((5, 33.0), (10, 27.0)), 10, 1.0),
    ]
    told: dict[str, Any] = {
        "problem": "prices",
        "metric": "mean_absolute_error",
        "lower_is_better": True,
        "trials": tuple(names),
        "best": 2,
        "values": names[2].values,
        "defaults": names[0].values,
        "fit_rows": 80,
        "held_out_rows": 20,
        "study": "/w/study",
        "compared": Compared({"loss": 2.0, "mean_absolute_error": 32.0}, {"loss": 1.0, "mean_absolute_error": 28.0}),
    }
    return Search(**{**told, **more})
