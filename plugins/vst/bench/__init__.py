"""taraf bench vst: hosted plug-ins beside pedalboard alone; broken ones survived."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.bench import Report


def vst() -> Report:
    """Hosted plug-ins: how many play, how near to pedalboard offline, broken ones survived.

    They are scanned anew, into a cache that is thrown away.
    """
    from engine.bench import Report
    from plugins.vst import scan
    from plugins.vst.bench import alike, broken, live
    from plugins.vst.bench.playing import say

    report, bundles = Report("vst"), live.installed()
    with tempfile.TemporaryDirectory() as name, live.own_cache(Path(name) / "cache"):
        say(f"{len(bundles)} plug-ins are scanned")
        names = [one.name for record in scan.scan(bundles) for one in record.plugins]
        say("each is played live")
        live.rows(report, bundles, names)
        say("each is compared with pedalboard offline")
        alike.rows(report, names, Path(name))
        broken.asked_for(report, bundles[0], Path(name) / "broken")
        broken.dying(report, "ZamPhono" if "ZamPhono" in names else names[0])
    return report


__all__ = ["vst"]
