"""Does units on Ray: a cluster that is joined, or one that is begun on this machine for the run."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any

from models.cluster.errors import ClusterError
from models.cluster.node import perform
from models.cluster.ray_run import Probes, Run, last_line
from models.cluster.store import opened
from models.cluster.unit import Outcome, Program, Unit

OBJECTS_BYTES = 256 << 20
"""Memory for Ray's objects where we begin a cluster: units are small, and the rest goes to disk."""
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nothing is sent anywhere
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a unit may use a GPU that Ray did not give it
    "RAY_raylet_start_wait_time_s": "120",  # 30 s are too few for a machine that is busy
}
LOOK_S = 2.0
"""Between two looks at how many processors there are: machines come and go."""


def ray_module() -> Any:
    """Ray, told to send nothing anywhere; ClusterError with what to install where it is missing."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ModuleNotFoundError:
        told = "--on ray needs Ray, which is not installed: pip install 'taraf[cluster]'"
        raise ClusterError(told) from None
    with suppress(ImportError):
        # The last words of a machine that dies go to our output, whatever Ray is told: where
        # --json is. That it died is seen by what becomes of its units.
        from ray._private import worker

        worker.print_to_stdstream = _unheard
    return ray


def _unheard(*_: Any, **__: Any) -> None:
    """Print nothing."""


class OnRay:
    """A cluster: ``address`` as Ray takes it; without one that of this machine, or a new one.

    ``jobs`` units at a time, one for each processor unless given. ``store`` is a fsspec URL that
    all machines reach; without it contents go through Ray's objects.
    """

    def __init__(
        self, address: str | None = None, jobs: int | None = None, store: str | None = None
    ) -> None:
        self._ray, self._jobs, self._store = ray_module(), jobs, store
        if store:
            opened(store)
        self._ours = False
        self._join(address)
        self._sent: dict[str, Any] = {}
        self._looked, self._seen = -LOOK_S, 1
        self.together: int | None = None
        """How many units travel as one; as many as the run itself finds right unless set."""
        remote = self._ray.remote(num_cpus=1, max_retries=0, scheduling_strategy="SPREAD")
        self._perform = remote(perform)

    def _join(self, address: str | None) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        ray = self._ray
        if ray.is_initialized():
            return
        self._ours = True
        if address is None:
            with suppress(ConnectionError):
                ray.init(address="auto", **quiet)
                return
            jobs = self._jobs or os.cpu_count() or 1
            more = {"include_dashboard": False, "object_store_memory": OBJECTS_BYTES}
            try:
                ray.init(num_cpus=jobs, **more, **quiet)
            except Exception as error:  # Ray's own, of no class
                raise ClusterError(f"--on ray: it does not start: {last_line(error)}") from None
            return
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                ray.init(address=address, **quiet)
        except Exception as error:  # Ray's errors of joining have no common class
            raise ClusterError(f"--on {_shown(address)}: {last_line(error)}") from None

    @property
    def slots(self) -> int:
        """How many units are done at a time."""
        if self._jobs:
            return self._jobs
        now = time.monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            self._seen = max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        return self._seen

    def close(self) -> None:
        """Leave the cluster; one that was begun here ends."""
        self._sent.clear()
        if self._ours:
            self._ray.shutdown()

    def run(
        self, program: Program, units: Iterable[Unit | None], ahead: bool = True
    ) -> Iterator[Outcome]:
        """Yield the outcomes as they come; see `Executor`."""
        source = iter(units)
        with Probes() as probes:
            run = Run(self._ray, self._perform, program, self._store, self._sent, probes)
            left = True
            try:
                while True:
                    # a set number of jobs is a promise; else processors must not wait for us
                    most = self.slots * (2 if ahead and not self._jobs else 1)
                    while left and run.tasks < most:
                        together = (self.together or run.together(self.slots)) if ahead else 1
                        taken = list(islice(source, together))
                        left = len(taken) == together
                        found = [unit for unit in taken if unit is not None]
                        if found:
                            run.give(found)
                        if len(found) < len(taken):
                            break
                    if not run.tasks:
                        return
                    yield from run.outcomes(LOOK_S)
            finally:
                run.end()


def _shown(address: str) -> str:
    return address if address.startswith("ray://") else f"ray ({address})"


__all__ = ["OnRay", "ray_module"]
