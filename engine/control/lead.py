"""What the audio thread says of the beat, read in the front process; its frames as times."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from engine.layout import (
    LEAD_BAR,
    LEAD_BEAT,
    LEAD_FRAME,
    LEAD_NOW,
    LEAD_ONSETS,
    LEAD_SAID,
    LEAD_STRENGTH,
    LEAD_SURE,
    LEAD_TABLE,
    LEAD_TEMPO,
    LEADS,
)
from engine.shared import Shared

KEEP_NS = 500_000_000


@dataclass(frozen=True)
class Lead:
    """A lead record: ``beat`` is at ``frame`` of the stream, and it held from frame ``now`` on."""

    leads: bool
    tempo_bpm: float
    beat: float
    frame: float
    bar: int
    confidence: float
    onsets: int
    strength: float
    said: bool
    now: int


def read(shared: Shared) -> Lead | None:
    """The latest record of the rack that sounds; None if it has nothing that leads.

    The audio thread writes two places in turn, so one that was read while it was written is told
    by its count.
    """
    control = shared.control[0]
    while True:
        count = int(control["lead_count"])
        row = control["lead"][count % 2].tolist()
        if count == int(control["lead_count"]):
            break
    if not count or int(row[LEAD_TABLE]) != int(control["sounding"]):
        return None
    return Lead(
        leads=row[LEADS] == 1.0,
        tempo_bpm=row[LEAD_TEMPO],
        beat=row[LEAD_BEAT],
        frame=row[LEAD_FRAME],
        bar=round(row[LEAD_BAR]) if 1.0 <= row[LEAD_BAR] <= 64.0 else 4,
        confidence=_share(row[LEAD_SURE]),
        onsets=_count(row[LEAD_ONSETS]),
        strength=_share(row[LEAD_STRENGTH]),
        said=row[LEAD_SAID] == 1.0,
        now=int(row[LEAD_NOW]),
    )


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0) if value == value else 0.0


def _count(value: float) -> int:
    return int(value) if 0.0 <= value < 1e15 else 0


class Timeline:
    """Frames of the stream as times of ``time.monotonic_ns``: ``Shared.frame_at`` turned round.

    A block may begin late, never early: of the last half second the one that was least late tells.
    """

    def __init__(self) -> None:
        self._shared: Shared | None = None
        self._frame = -1
        self._seen: deque[tuple[int, float]] = deque()
        self._zero = 0.0
        self._period = 0.0

    def look(self, shared: Shared) -> bool:
        """Look at the latest block; False before the first one."""
        frame, began = shared.last_block()
        if not began:
            return False
        if shared is not self._shared or frame < self._frame:
            self._shared, self._seen = shared, deque()
        if frame != self._frame or not self._seen:
            self._frame = frame
            self._period = 1e9 / int(shared.control[0]["rate"])
            self._seen.append((began, began - frame * self._period))
            while began - self._seen[0][0] > KEEP_NS:
                self._seen.popleft()
            self._zero = min(zero for _, zero in self._seen)
        return True

    def stamp(self, frame: float) -> int:
        """When ``frame`` comes in, once a block was seen."""
        return round(self._zero + frame * self._period)


__all__ = ["Lead", "Timeline", "read"]
