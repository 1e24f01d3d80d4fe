"""Does the jobs that wait, one after the other, in processes of their own: the queue.

``python -m engine.jobs.queue`` is begun by whoever adds a job; it is one for all, goes on when the
window is closed, and leaves when nothing waits any more.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psutil

from engine.jobs.place import LOCK, LOG, OF, STOP, JobError, jobs_folder
from engine.jobs.record import Record, make
from engine.jobs.view import GONE, LOOKING, Job, all_jobs, find, interrupt

MAIN = "import sys; from engine.cli import main; sys.exit(main())"


def add(words: Sequence[str], kind: str, title: str) -> Job:
    """Put a command into the queue, and see to it that somebody does it."""
    record = make(words, kind, title)
    tend()
    return find(record.name)


def resume(job: Job) -> None:
    """Let a job go on that has come to an end; JobError if it has not.

    One that waits is seen to: whoever did the jobs may be gone, as after a power cut.
    """
    if job.open and job.state != "waiting":
        raise JobError(f"{job.name}: is {job.state} already")
    if not job.open:
        (job.folder / STOP).unlink(missing_ok=True)
        Record(job.folder).tell(state="waiting", again=True)
    tend()


def tend() -> None:
    """Begin the process that does what waits; if there is one already, the new one leaves."""
    command = [sys.executable, "-P", "-m", "engine.jobs.queue"]
    void = subprocess.DEVNULL
    subprocess.Popen(command, stdin=void, stdout=void, stderr=void, start_new_session=True)


def work() -> None:
    """Do what waits until nothing does."""
    while _waiting() is not None:
        with _alone() as mine:
            if not mine:
                return
            while (job := _waiting()) is not None:
                _do(job)


def _waiting() -> Job | None:
    """The job that has waited longest."""
    waiting = [job for job in all_jobs() if job.state == "waiting"]
    return min(waiting, key=lambda job: job.asked, default=None)


def _do(job: Job) -> None:
    """Do a job; it tells itself how it ends, unless it cannot."""
    record = Record(job.folder)
    again = ["--resume"] if _left(job) and "--resume" not in job.words else []
    command = [sys.executable, "-P", "-c", MAIN, *job.words, *again]
    environment = {**os.environ, OF: str(job.folder)}
    void = subprocess.DEVNULL
    try:
        with (job.folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                command, cwd=job.cwd, env=environment, stdin=void, stdout=log, stderr=log
            )
    except OSError as error:
        record.ended("failed", f"{job.cwd}: {error.strerror}")
        return
    with suppress(psutil.Error):  # it may be over already
        record.running(process.pid)
    if record.asked_to_stop and job.kind not in LOOKING:  # whoever asked saw that it waits
        interrupt(process.pid)
    code = process.wait()
    now = find(job.name)
    if now.error == GONE:  # it did not say itself how it ended
        said = now.log().strip().splitlines()[-1:]
        state = "stopped" if record.asked_to_stop else "failed" if code else "done"
        record.ended(state, " ".join(said)[:300] if state == "failed" else "")


RESUMED = ("train", "sampler")
"""Kinds whose command goes on with --resume; the others go on by themselves."""
CHECKPOINTS = ("checkpoint.pt", "*/checkpoint.pt")
"""What they go on from, in the folder of a training or of each of its members."""


def _left(job: Job) -> bool:
    """Whether a job has left what --resume goes on from; where nothing is, --resume is refused."""
    found = (path for folder in job.watched for name in CHECKPOINTS for path in folder.glob(name))
    return job.kind in RESUMED and any(found)


@contextmanager
def _alone() -> Iterator[bool]:
    """Whether no other process does jobs; it is so until the end of the block."""
    folder = jobs_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+b") as file:
        mine = True
        if sys.platform == "win32":
            import msvcrt

            try:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError:
                mine = False
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                mine = False
        yield mine


__all__ = ["add", "resume", "tend", "work"]

if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        work()
