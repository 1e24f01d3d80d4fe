"""The audio process as its window sees it: how far it is, how long it may be silent, its end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import psutil

from engine import processes, running
from engine.host.launch import Launch
from engine.host.order import Order
from engine.shared import Shared

SILENT_SECONDS = 0.25
FIRST_BLOCK_SECONDS = 2.0  # a sound card may take its time to begin


@dataclass
class Process:
    """The audio process that runs now; after a crash it is another."""

    order: Order
    left: int | None  # frames that it shall run
    launch: Launch | None = None  # None: another window has started it
    pid: int = 0
    shared: Shared = field(init=False)

    @property
    def blocks(self) -> int:
        """Blocks that have sounded: its heartbeat."""
        return int(self.shared.control["blocks"][0])

    @property
    def frames(self) -> int:
        """Frames that have sounded."""
        return int(self.shared.control["frames"][0])

    @property
    def ended(self) -> bool:
        """Whether all frames that were ordered have run."""
        block = self.order.device.block  # the last one counts when it is whole
        return self.left is not None and self.frames >= -(-self.left // block) * block

    @property
    def waits(self) -> bool:
        """Whether it lives and its silence means nothing: no clock drives it, the recorder does."""
        return self.order.fast and running.is_ours(self.pid)

    def patience(self, blocks: int) -> float:
        """Seconds that it may be silent after so many blocks."""
        limit = max(SILENT_SECONDS, 3.0 * self.order.device.block / self.order.device.rate)
        return limit if blocks else max(limit, FIRST_BLOCK_SECONDS)

    def kill(self) -> None:
        """End it and its workers, and remove what it leaves behind."""
        if running.is_ours(self.pid):  # it may be long dead, and its number a stranger's by now
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(self.pid)
                for child in process.children():
                    with suppress(psutil.Error):
                        if "engine.worker" in child.cmdline():
                            processes.end(child.pid)
                process.kill()
        if self.launch is not None:
            self.launch.wait()
        running.forget(self.pid)
        self.shared.remove()
