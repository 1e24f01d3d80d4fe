"""Better weights while it plays: the file is watched, opened beside the sound, and handed over."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.sampler.errors import SamplerError
from engine.sampler.file import read_sampler
from engine.shared import address, store_release
from plugins.sampler.cores import LEVEL_UNITS, OFFERED, OFFERS, block_of, level_of, pair
from plugins.sampler.turns import VERSION

LOOK_SECONDS = 0.5
KEEP = 3
"""Models that are kept at least: one may be taken over at this moment."""
CLOSE_SECONDS = 10.0


class Swapper:
    """Watches the file of a sampler and offers what it becomes to the kernel.

    Of several ``others`` that may come to be there, the first that is.
    """

    def __init__(self, path: Path, rate: int, seed_number: int, *others: Path) -> None:
        self.trouble = ""
        self.offer = np.zeros((1 + OFFERS, OFFERED), np.int64)
        self._paths, self._rate, self._seed = (path, *others), rate, seed_number
        self._seen = () if others else _state(path)  # of others, none was there a moment ago
        self._looked = time.monotonic()
        self._held: dict[int, list[npt.NDArray[Any]]] = {}
        self._thread: threading.Thread | None = None

    @property
    def path(self) -> Path:
        """The file that is watched."""
        return next((path for path in self._paths if _state(path)), self._paths[0])

    @property
    def version(self) -> int:
        """How many models were offered."""
        return int(self.offer[0, 0])

    def look(self, cores: npt.NDArray[np.int64]) -> None:
        """Begin to open the file if it has changed; let go of what sounds no more."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS or self._busy:
            return
        self._looked = now
        sounding = {int(version) for version in cores[:, VERSION]}
        for version in [v for v in self._held if v <= self.version - KEEP and v not in sounding]:
            del self._held[version]
        seen = _state(self.path)
        if seen and seen != self._seen:
            self._seen = seen
            self._thread = threading.Thread(target=self._open, name="sampler", daemon=True)
            self._thread.start()

    def reload(self) -> None:
        """Open the file now, and wait for it."""
        self._seen = _state(self.path)
        self._open()

    def close(self) -> None:
        """Wait for what is being opened."""
        if self._thread is not None:
            self._thread.join(CLOSE_SECONDS)

    @property
    def _busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _open(self) -> None:
        try:
            path = self.path
            model = read_sampler(path)
            if model.rate != self._rate:
                raise SamplerError(
                    f"{path}: is of {model.rate} Hz, what plays of {self._rate} Hz; "
                    "it is heard when taraf is begun again"
                )
            dreams = pair(model, self._seed + 2 * self.version + 2)
            level = level_of(model)
        except SamplerError as error:
            self.trouble = str(error)
            return
        blocks: list[npt.NDArray[Any]] = [block_of(dream) for dream in dreams]
        told = [a for dream, b in zip(dreams, blocks, strict=True) for a in dream.lay(b)]
        version = self.version + 1
        constants = [array for dream in dreams for array in dream.constants.values()]
        self._held[version] = [*blocks, *constants]
        self.offer[1 + version % OFFERS] = [*told, round(level * LEVEL_UNITS)]
        store_release(address(self.offer), version)
        self.trouble = ""


def _state(path: Path) -> tuple[int, ...]:
    """Changes when a file is written anew; empty where there is none."""
    try:
        told = path.stat()
    except OSError:
        return ()
    return told.st_mtime_ns, told.st_size, told.st_ino


__all__ = ["Swapper"]
