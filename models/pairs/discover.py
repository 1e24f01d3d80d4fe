"""What there is to render through on this machine. Nothing is loaded: a bad plugin does no harm."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from models.pairs.spec import BUNDLES
from models.pairs.stages import effects, knobs_of

FOLDERS = {
    "linux": ("/usr/lib/vst3", "/usr/local/lib/vst3", "~/.vst3"),
    "darwin": (
        "/Library/Audio/Plug-Ins/VST3", "~/Library/Audio/Plug-Ins/VST3",
        "/Library/Audio/Plug-Ins/Components", "~/Library/Audio/Plug-Ins/Components",
    ),
    "win32": ("C:/Program Files/Common Files/VST3", "~/AppData/Local/Programs/Common/VST3"),
}  # fmt: skip


def found() -> dict[str, Any]:
    """pedalboard's effects with their knobs, and the plugin files where plugins lie."""
    built_in = {name: knobs_of(kind) for name, kind in sorted(effects().items())}
    return {"pedalboard": built_in, "plugins": sorted(map(str, bundles()))}


def bundles() -> list[Path]:
    """The plugin files where plugins lie, folder by folder."""
    return [path for folder in folders() for path in _bundles(folder)]


def folders() -> list[Path]:
    """Where plugins lie on this system, and where the variable VST3_PATH says."""
    told = [part for part in os.environ.get("VST3_PATH", "").split(os.pathsep) if part]
    here = [*FOLDERS.get(sys.platform, ()), *told]
    return [path for text in here if (path := Path(text).expanduser()).is_dir()]


def _bundles(folder: Path) -> list[Path]:
    """Bundles are folders on most systems; what is inside one is not looked at."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in BUNDLES:
            found.append(path)
        elif path.is_dir() and not path.is_symlink():
            found += _bundles(path)
    return found


def knobs(plugin: str, timeout_s: float = 60.0) -> list[dict[str, Any]]:
    """What a plugin or a chain can be told, asked of a worker process; raises PairsError."""
    from models.cluster.here import Here
    from models.cluster.unit import Program, Unit
    from models.pairs import spec
    from models.pairs.errors import PairsError

    stages = spec.parse_chain(plugin)
    setup = {"stages": spec.document(stages), "fresh": True, "log": os.devnull}
    program = Program("models.pairs.worker", setup, timeout_s=timeout_s)
    (outcome,) = Here(1).run(program, [Unit("knobs", {"do": "knobs"})])
    if outcome.error:
        raise PairsError(f"{plugin}: {outcome.error}")
    return list(outcome.answer["knobs"])
