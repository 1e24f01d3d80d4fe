"""200 pairs over 4 workers, one worker and then one node killed in the middle."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from models.bench.cluster.material import contents, dry, effect
from models.bench.cluster.nodes import several_nodes
from models.cluster.on_ray import OnRay
from models.pairs.manifest import NAME
from models.pairs.render import Work, render

if TYPE_CHECKING:
    from engine.bench import Report

FILES, SETTINGS = 10, 20
WORKER_AT, NODE_AT = 40, 100
NODES = (2, 1, 1)
CHAIN = "pedalboard:Distortion|pedalboard:PitchShift(semitones=7)"
"""Long enough a unit to travel alone."""


def run(report: Report) -> None:
    """Render here and there, kill, and compare every byte."""
    with tempfile.TemporaryDirectory(prefix="taraf-", dir="/tmp") as made:
        folder = Path(made)
        source = dry(folder / "dry", FILES, 2.0)
        render(source, folder / "here", effect(SETTINGS, CHAIN), Work(2))
        with several_nodes(folder / "r", *NODES) as nodes:
            killed: list[int] = []

            def told(done: int, of: int) -> None:
                if done >= WORKER_AT and not killed and nodes.kill_worker(0):
                    killed.append(done)
                if done >= NODE_AT and len(killed) == 1:
                    nodes.kill_node(2)
                    killed.append(done)

            there = _Counting()
            done = render(source, folder / "there", effect(SETTINGS, CHAIN), Work(on=there), told)
        pairs = FILES * SETTINGS
        lines = (folder / "there" / NAME).read_text().splitlines()[1:]
        twice = sum(n - 1 for n in Counter(json.loads(line)["id"] for line in lines).values())
        here, other = contents(folder / "here"), contents(folder / "there")
        same = sum(other.get(name) == sha256 for name, sha256 in here.items())
    report.add(
        "killed: workers and nodes killed", len(killed), "", "a worker, a node", len(killed) == 2
    )
    report.add("killed: pairs done of 200", done.rendered, "", "200", done.rendered == pairs)
    report.add("killed: pairs twice in the manifest", twice, "", "0", twice == 0)
    report.add("killed: units given out again", there.lost, "", "at most 8", 1 <= there.lost <= 8)
    report.add("killed: files equal to the local run's", same, "", f"{len(here)}",
               same == len(here) == len(other))  # fmt: skip


class _Counting(OnRay):
    """Counts what was lost on its way."""

    lost = 0

    def run(self, *given, **more):  # type: ignore[no-untyped-def]
        """As it is, counted."""
        for outcome in super().run(*given, **more):
            self.lost += outcome.lost
            yield outcome
