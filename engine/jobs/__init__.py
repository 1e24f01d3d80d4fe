"""Long work that is told of while it goes on: trainings, sweeps, pairs. Plain files, read by all.

A job is a folder with its words, a line of JSON for each thing that happened, and a file `stop`
when it is asked to. Whoever does it writes; the command line and the page only read.

job.json        {"words": what came after `taraf`, "kind", "title", "cwd", "asked"}
events.jsonl    {"at", and any of "state", "done", "text", "curve", "preview", "model", ...}
stop            there: it is asked to come to an end
log             what it printed
"""

from engine.jobs.place import JobError, jobs_folder
from engine.jobs.record import Record, current, make, progress, stretch
from engine.jobs.view import Job, all_jobs, find

__all__ = [
    "Job", "JobError", "Record", "all_jobs", "current", "find", "jobs_folder", "make", "progress",
    "stretch",
]  # fmt: skip
