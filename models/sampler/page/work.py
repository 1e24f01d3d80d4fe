"""One training in a process of its own: ``python -m models.sampler.page.work FOLDER``.

It goes on when the page is closed. All it tells lies in the folder, so that a page which is opened
later shows the same; being killed leaves what a training leaves (models.sampler.folder).
"""

from __future__ import annotations

import sys
from pathlib import Path

from engine.cli import complaint
from models.sampler.page.note import LOG, Note, Stop


def work(folder: Path) -> int:
    """Train what ``folder``'s note asks for, from its checkpoint on if it has one."""
    note = Note.read(folder).running()
    note.write(folder)
    try:
        state, error = _learn(folder, note), ""
    except Exception as caught:
        told = complaint(caught)
        if told is None:
            note.ended("failed", f"{type(caught).__name__}; see {folder / LOG}").write(folder)
            raise
        state, error = "failed", told
    note.ended(state, error).write(folder)
    return 1 if error else 0


def _learn(folder: Path, note: Note) -> str:
    from models.judging.errors import needed

    with needed("train"):
        from models.effects.training.loop import interruptible
        from models.sampler.training import train
    from models.sampler.folder import CHECKPOINT, JOB, SOURCE
    from models.sampler.job import read_job
    from models.sampler.page.form import settings

    job = read_job(folder / JOB)
    if not Path(job.source).is_file() and (folder / SOURCE).is_file():  # gone, but what was learnt
        job = job.with_values(source=str(folder / SOURCE))
    stop = Stop(folder)
    with interruptible() as asked:
        trained = train(
            job, folder, settings=settings(note.run), resume=(folder / CHECKPOINT).is_file(),
            stop=lambda: bool(asked) or stop.asked(),
        )  # fmt: skip
    return "stopped" if trained.stopped == "interrupted" else "done"


def report(folder: Path) -> int:
    """Write the folder's report; what is wrong goes to standard error in one line."""
    from models.judging.errors import needed

    try:
        with needed("train"):
            from models.sampler.report.training import report_training
        report_training(folder)
    except Exception as caught:
        told = complaint(caught)
        if told is None:
            raise
        print(told, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    what = report if sys.argv[1] == "--report" else work
    sys.exit(what(Path(sys.argv[-1])))
