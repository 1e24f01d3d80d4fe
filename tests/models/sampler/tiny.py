"""What tests of the sampler share: sounds a tiny network learns in seconds, quick jobs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.sampler.job import Job, job_from
from models.sampler.settings import Settings

RATE = 11_025
SHAPES: dict[str, dict[str, Any]] = {
    "vector": {"seg_len": 64, "hidden": 32, "label_shape": [1, 32], "ext_cursor_inc": 32},
    "column": {"seg_len": 32, "hidden": 12},
    "transpose": {"seg_len": 16, "hidden": 12, "num_unrollings": 3},
    "spectrum": {
        "window_size": 128,
        "hop_size": 64,
        "zero_padding": False,
        "hidden": 48,
        "lr": 1e-2,
    },
}
QUICK = {"lr": 3e-3, "num_epochs": 100_000, "weight_stddev": 0.02, "num_unrollings": 1}


def job_for(approach: str, **values: Any) -> Job:
    """A job of an approach that a test has time for."""
    return job_from({"approach": approach, **QUICK, **SHAPES[approach], **values})


def quick(updates: int, **values: Any) -> Settings:
    """Settings of a short training, without scores."""
    given: dict[str, Any] = {"rows": 4, "steps": 16, "preview_s": 0.1, "scored": False}
    seldom = {"preview_every_s": 1e6, "preview_first_s": 1e6}
    return Settings(updates=updates, **(given | seldom | values))


def two_tones() -> NDArray[np.float32]:
    """Two tones in turn, 2 s."""
    t = np.arange(2 * RATE) / RATE
    second = (t * 4.0) % 2.0 >= 1.0
    tone = np.sin(2.0 * np.pi * np.where(second, 551.25, 367.5) * t)
    return np.asarray(0.3 * tone, np.float32)
