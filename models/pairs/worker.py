"""A process that renders pairs: what a plugin does to it, it does to nobody else.

It reads tasks as JSON lines and answers each with one. It imports little, so that it starts in a
fraction of a second, and everything the plugins print is kept out of the answers.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from models.pairs.errors import EffectFailed, PairsError
from models.pairs.spec import Stage, read_document
from models.pairs.stages import Audio, Player, build, describe, play, quiet
from models.pairs.wav import wav_bytes, write_whole


class Renderer:
    """The chain of one render. Players are kept while the settings stay and reset suffices."""

    def __init__(self, stages: tuple[Stage, ...], fresh: bool) -> None:
        self._stages = stages
        self._fresh = fresh or any(stage.kind == "pedalboard" for stage in stages)
        self._values: dict[str, Any] | None = None
        self._players: list[Player] = []

    def examine(self, task: dict[str, Any]) -> dict[str, Any]:
        """See models.pairs.latency."""
        from models.pairs.latency import examine

        return examine(self._stages, task["values"], task["rate"])

    def knobs(self, task: dict[str, Any]) -> dict[str, Any]:
        """What the chain can be told."""
        return {"knobs": describe(self._stages)}

    def render(self, task: dict[str, Any]) -> dict[str, Any]:
        """Write the wet file of one dry file, aligned and as long; its hash and its peak."""
        dry, rate = _dry(task["dry"])
        if self._fresh or task["values"] != self._values:
            self._values = None
            self._players = build(self._stages, task["values"])
            self._values = task["values"]
        wet = aligned(self._players, dry, rate, task["late"])
        if not np.all(np.isfinite(wet)):
            raise EffectFailed("what comes out is not finite")
        content = wav_bytes(wet, rate)
        write_whole(Path(task["wet"]), content)
        reported = sum(player.reported for player in self._players)
        return {
            "sha256": hashlib.sha256(content).hexdigest(),
            "peak": float(np.abs(wet).max(initial=0.0)),
            "latency": reported + task["late"],
        }


def aligned(players: list[Player], dry: Audio, rate: int, late: int) -> Audio:
    """What the chain makes of ``dry``, moved ``late`` frames to the front, as long as ``dry``."""
    heard = np.concatenate((dry, np.zeros(max(0, late), np.float32)))
    played = play(players, heard, rate)
    if late < 0:
        played = np.concatenate((np.zeros(-late, np.float32), played))
    played = played[max(0, late) :][: len(dry)]
    return np.concatenate((played, np.zeros(len(dry) - len(played), np.float32)))


@lru_cache(maxsize=4)
def _dry(path: str) -> tuple[Audio, int]:
    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(sound[:, 0]), rate


def answer(renderer: Renderer, task: dict[str, Any]) -> dict[str, Any]:
    """What to say to a task: its result, or ``error`` in one line."""
    try:
        doing = {"examine": renderer.examine, "knobs": renderer.knobs, "render": renderer.render}
        return doing[task["do"]](task)
    except PairsError as error:
        return {"error": str(error), "asked": not isinstance(error, EffectFailed)}
    except Exception as error:  # a plugin may raise what it likes; the next pair is waiting
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"}


def main() -> None:
    """Answer tasks until there are no more."""
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True).start()
    setup = json.loads(sys.stdin.buffer.readline())
    with os.fdopen(quiet(setup["log"]), "w", encoding="utf-8", buffering=1) as output:
        renderer = Renderer(read_document(setup["stages"]), setup["fresh"])
        for line in sys.stdin.buffer:
            print(json.dumps(answer(renderer, json.loads(line))), file=output)
    os._exit(0)  # some plugins crash when they are torn down


def _leave_with_parent(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


if __name__ == "__main__":
    main()
