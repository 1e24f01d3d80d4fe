"""A small Ray cluster of several nodes on this machine, of which some can be killed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

OBJECTS = 80 << 20
TRIES = 3


class Nodes:
    """A head without processors, and nodes that work."""

    def __init__(self, ray: Any, cluster: Any) -> None:
        self.ray, self._cluster = ray, cluster
        self.nodes: list[Any] = []

    def add(self, processors: int = 1) -> None:
        """One more machine."""
        kind = {"object_store_memory": OBJECTS, "include_dashboard": False}
        self.nodes.append(_tried(lambda: self._cluster.add_node(num_cpus=processors, **kind)))
        self._cluster.wait_for_nodes()

    def kill_worker(self, node: int) -> bool:
        """Kill a process that is doing a unit, and no other."""
        raylet = self.nodes[node].all_processes["raylet"][0].process.pid
        for process in psutil.Process(raylet).children(recursive=True):
            with suppress(psutil.Error):
                if "ray::perform" in " ".join(process.cmdline()):
                    process.kill()
                    return True
        return False

    def kill_node(self, node: int) -> None:
        """End a whole machine."""
        self._cluster.remove_node(self.nodes.pop(node), allow_graceful=False)


def _tried(start: Callable[[], Any]) -> Any:
    """What ``start`` starts: on a machine that is busy Ray may not wait long enough."""
    for _ in range(TRIES - 1):
        with suppress(Exception):  # Ray's own, of no class
            return start()
    return start()


@contextmanager
def several_nodes(folder: Path, *processors: int) -> Iterator[Nodes]:
    """Nodes with so many processors each; joined, and gone after the block."""
    os.environ["RAY_TMPDIR"] = str(folder)
    from models.cluster.on_ray import ray_module

    ray = ray_module()
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 0, "object_store_memory": OBJECTS, "include_dashboard": False}
    cluster = _tried(lambda: Cluster(initialize_head=True, head_node_args=head))
    nodes = Nodes(ray, cluster)
    try:
        for count in processors:
            nodes.add(count)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        yield nodes
    finally:
        ray.shutdown()
        cluster.shutdown()
        del os.environ["RAY_TMPDIR"]
