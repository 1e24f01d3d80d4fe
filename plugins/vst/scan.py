"""Looks into every bundle once, each in a throw-away process, and keeps what it learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from plugins.vst import cache, folders
from plugins.vst.cache import Record
from plugins.vst.errors import VstError
from plugins.vst.trial import PATIENCE_SECONDS, attempt


def scan(
    paths: Sequence[Path], seconds: float = PATIENCE_SECONDS, again: bool = False
) -> Iterator[Record]:
    """A record for each bundle in ``paths``, as it is known; stop at any time, what is done stays.

    ``seconds`` is how long a plug-in may say nothing; ``again`` tries bad ones once more, though
    they have not changed.
    """
    for path in paths:
        known = cache.read(path)
        if known is None or not known.fresh or (again and known.bad):
            known = look(path, seconds)
        yield known


def look(path: Path, seconds: float = PATIENCE_SECONDS) -> Record:
    """Look into one bundle now; raises VstError where it is not the plug-in's fault.

    One plug-in of several that crashes is passed over, and another process sees to the rest.
    """
    plugins, bad, skip = [], [], list[str]()
    try:
        stamp = folders.stamp(path)  # of before: what is put there meanwhile is looked into again
    except OSError as error:
        raise VstError(f"{path}: cannot be read: {error.strerror or error}") from None
    while True:
        outcome = attempt({"do": "look", "path": str(path), "skip": skip}, seconds)
        plugins += outcome.plugins
        bad += outcome.refused
        skip = [*(one["part"] for one in plugins), *(part for part, _ in bad)]
        broken = outcome.refused and not outcome.refused[-1][0]  # the bundle itself
        if broken or not outcome.crashed:
            return cache.write(path, stamp, plugins, bad)


def found_in(places: Sequence[Path]) -> list[Path]:
    """Every bundle in ``places``, or in the standard folders if there are none."""
    return folders.bundles(places or folders.standard())


__all__ = ["found_in", "look", "scan"]
