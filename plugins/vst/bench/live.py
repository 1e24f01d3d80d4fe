"""Every plug-in of the family played live."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.bench import Report
from engine.rack import Lane, Rack
from plugins.vst import folders
from plugins.vst.bench.playing import hosted, one_lane, playing, say
from plugins.vst.errors import VstError

FAMILY = "Zam"  # Debian's zam-plugins; each of them is free and needs no screen
EXPECTED, LEAST = 17, 16
HEARD_SECONDS = 0.3


def installed() -> list[Path]:
    """The family's bundles; raises VstError if there are none."""
    found = [one for one in folders.bundles(folders.standard()) if _is_family(one)]
    if not found:
        raise VstError(f"no plug-in of {FAMILY}'s is installed; on Debian: apt install zam-plugins")
    return found


def _is_family(bundle: Path) -> bool:
    return bundle.stem.lower().startswith(FAMILY.lower())


@contextmanager
def own_cache(folder: Path) -> Iterator[None]:
    """Scans are kept in ``folder``, here and in processes that are started meanwhile."""
    before = os.environ.get("TARAF_VST_CACHE")
    os.environ["TARAF_VST_CACHE"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["TARAF_VST_CACHE"]
        else:
            os.environ["TARAF_VST_CACHE"] = before


def rows(report: Report, bundles: list[Path], names: list[str]) -> None:
    """Each plug-in for a moment on the virtual device, in real time, one after the other."""
    played, misses, blocks = 0, 0, 0
    with playing(Rack("through", lanes=(Lane("a"),))) as host:
        for name in names:
            try:
                host.load(one_lane(hosted(name)))
            except ValueError as error:
                say(f"{name}: {error}")
                continue
            time.sleep(0.2)
            before, found = host.statistics(), host.report()
            time.sleep(HEARD_SECONDS)
            after = host.statistics()
            blocks += after["blocks"] - before["blocks"]
            misses += after["worker_misses"] - before["worker_misses"]
            sounds = int(host.shared.control["sounding"][0]) == host.table
            steady = sounds and after["mutes"] == 0 and found["worker_restarts"] == 0
            played += steady and after["blocks"] > before["blocks"]
    report.add("plug-ins found", len(bundles), "plug-ins")
    report.add("plug-ins that load and play live", played, "plug-ins",
               f"{LEAST} of {EXPECTED}", played >= LEAST)  # fmt: skip
    report.add("blocks that a plug-in was late for", 100.0 * misses / max(blocks, 1), "% of blocks")


__all__ = ["installed", "own_cache", "rows"]
