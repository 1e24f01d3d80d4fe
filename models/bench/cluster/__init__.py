"""taraf bench cluster: pairs and sweeps on a real Ray cluster of several nodes on this machine.

Each part is a module; without Ray all are left out, and standard error says why.
``taraf bench cluster killed speed`` measures two of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.bench import Report

PARTS = {
    "killed": "200 pairs over 4 workers of 3 nodes, a worker and a node killed in the middle",
    "speed": "pairs by 1 and 2 workers beside as many processes; what a unit costs on its way",
    "scaling": "up to 1,000 nodes, simulated from the costs measured here",
    "sweep": "12 trainings of an effect, killed and resumed, beside all 12 to their ends",
    "costs": "what a pair and a capture cost: seconds of a core, bytes",
}


def cluster(files: Sequence[Path] | None = None) -> Report:
    """Pairs and sweeps on a Ray cluster: what is lost, how fast, how far it scales.

    ``files`` are parts, all unless given. The whole takes about a quarter of an hour.
    """
    from importlib import import_module

    from engine.bench.parts import Missing, in_parts
    from models.cluster.errors import ClusterError

    def measure(name: str, report: Report) -> None:
        import_module(f"models.bench.cluster.{name}").run(report)

    def ready() -> None:
        from models.cluster.on_ray import ray_module

        try:
            ray_module()
        except ClusterError as error:
            raise Missing(str(error)) from None

    return in_parts("cluster", PARTS, files, measure, say, ready)


def say(line: str) -> None:
    """A line of what is being done."""
    print(f"bench cluster: {line}", file=sys.stderr, flush=True)


__all__ = ["PARTS", "cluster", "say"]
