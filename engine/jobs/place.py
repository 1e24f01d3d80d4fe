"""Where jobs are, and how they are called."""

from __future__ import annotations

import os
import re
from pathlib import Path

import platformdirs

JOB, EVENTS, STOP, LOG, LOCK = "job.json", "events.jsonl", "stop", "log", ".lock"
OF = "TARAF_JOB"
"""The environment variable that tells a process which job it does."""
NAME = re.compile(r"[0-9]{8}-[0-9]{6}-[a-z0-9-]{1,60}")


class JobError(ValueError):
    """A job that is not there, or cannot be what was asked of it; one line."""


def jobs_folder() -> Path:
    """Where a player's jobs are kept; the environment variable TARAF_JOBS moves it."""
    given = os.environ.get("TARAF_JOBS")
    return Path(given) if given else Path(platformdirs.user_data_dir("taraf")) / "jobs"


__all__ = ["EVENTS", "JOB", "LOCK", "LOG", "NAME", "OF", "STOP", "JobError", "jobs_folder"]
