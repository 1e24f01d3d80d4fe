"""``--on``: here, on this machine's Ray, or on a cluster by its address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from models.cluster.errors import ClusterError
from models.cluster.here import Here
from models.cluster.unit import Executor

LOCAL, RAY = "local", "ray"
HELP = "Where: local, ray (this machine's cluster, or one begun for it), or ray://HOST:PORT."
STORE_HELP = (
    "A folder or fsspec URL (s3://...) that all machines reach; without it what they need goes "
    "through Ray."
)


def check(on: str, store: str | None = None) -> None:
    """ClusterError, one line, if ``on`` is nowhere, or Ray is not installed."""
    if on == LOCAL:
        if store:
            raise ClusterError(f"--store {store}: is for --on ray; here all is on one disk")
        return
    host, colon, port = on.removeprefix("ray://").rpartition(":")
    there = on.startswith("ray://") and host and colon and port.isdecimal()
    if on != RAY and not there:
        raise ClusterError(f"--on {on}: allowed are local, ray and ray://HOST:PORT")
    from models.cluster.on_ray import ray_module

    ray_module()


@contextmanager
def executor(on: str, jobs: int | None = None, store: str | None = None) -> Iterator[Executor]:
    """What does units there, until the end of the block; ClusterError in one line."""
    check(on, store)
    if on == LOCAL:
        yield Here(jobs)
        return
    from models.cluster.on_ray import OnRay

    there = OnRay(None if on == RAY else on, jobs, store)
    try:
        yield there
    finally:
        there.close()


__all__ = ["HELP", "LOCAL", "RAY", "STORE_HELP", "check", "executor"]
