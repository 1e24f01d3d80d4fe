"""Keeps a job's record while a command does it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from engine.jobs import Record, current, make
from engine.jobs.view import LOOKING


@contextmanager
def recorded(kind: str, title: str, always: bool) -> Iterator[Record | None]:
    """The record of this command's job: the one it was started for, or a new one if ``always``.

    How it ends is written, whatever happens.
    """
    record = current()
    if record is None and always:
        record = make(sys.argv[1:], kind, title)
    if record is None:
        yield None
        return
    record.running()
    try:
        if record.asked_to_stop and kind not in LOOKING:
            raise KeyboardInterrupt  # the one that was sent came before anybody could heed it
        yield record
    except KeyboardInterrupt:
        record.ended("stopped")
        raise
    except typer.Exit as leaving:
        record.ended("failed" if leaving.exit_code else "done")
        raise
    except BaseException as error:
        record.ended("failed", _line(error))
        raise
    record.ended("stopped" if record.asked_to_stop else "done")


def _line(error: BaseException) -> str:
    from engine.cli import complaint

    told = complaint(error) if isinstance(error, Exception) else None
    return told or type(error).__name__


__all__ = ["recorded"]
