"""A training that is there to be killed: a process of its own that learns until it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.bench.stage.far_end import job, tell
from models.sampler.job import Job, job_from
from models.sampler.settings import Progress, Settings

SMALL: dict[str, Any] = {
    "approach": "vector", "seg_len": 64, "label_shape": [1, 32], "ext_cursor_inc": 32,
    "hidden": 32, "num_unrollings": 1, "num_epochs": 1_000_000, "lr": 1e-3, "weight_stddev": 0.02,
    "use_dropout": True, "input_dropout": 0.9,
}  # fmt: skip
NEVER_S = 1e6


def small(source: Path | str) -> Job:
    """A job that is quick, and whose dropout makes chance matter."""
    return job_from({**SMALL, "source": str(source)})


def settings(updates: int, save_every_s: float = 0.05) -> Settings:
    """A training of so many updates, without scores."""
    return Settings(
        rows=4, steps=16, preview_s=0.1, preview_every_s=NEVER_S, scored=False, updates=updates,
        save_every_s=save_every_s,
    )  # fmt: skip


def main() -> None:
    """Learn ``source`` in ``folder``, and tell how many updates have been made."""
    from models.sampler.training import train

    given = job()

    def told(event: object) -> None:
        if isinstance(event, Progress):
            tell(step=event.step)

    train(small(given["source"]), Path(given["folder"]), settings=settings(1 << 30), told=told)


if __name__ == "__main__":
    main()
