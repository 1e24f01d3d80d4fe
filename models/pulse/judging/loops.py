"""Real drums: recorded loops, repeated, at a speed that drifts as people do.

The recordings are loops that come with Sonic Pi (free licences, freesound.org): four lie in the
shared data, two more, of the most sampled break there is, are taken where Debian's
``sonic-pi-samples`` is installed. How many beats one has is told by its length, a whole number of
beats at a whole tempo (the Amen break: what its drummer played), and by where attacks fall: on
the beats and their quarters, within 15 ms, backbeats loudest on two and four.

Left out, as nobody could say where the beat is: ``loop_safari`` (its strokes go by threes of a
sixteenth, 3+3+3+3+2+2, the second beat is empty: 120 or 160 BPM), ``loop_tabla`` (even strokes,
90 or 180 BPM), ``loop_perc1`` (97 BPM by its length, begins with a rest, attacks 30 ms off any
grid), ``loop_drone_g_97`` (no drums).

What is human in this set: the hand and the sound of those who played the loops, and the tempo
curve of people that each loop is given. What is not: the same bars come again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from models.pulse.errors import Absent
from models.pulse.judging.cast import Cast
from models.pulse.judging.excerpts import SECONDS, Excerpt
from models.pulse.judging.looping import Looped

LOOPS = (
    ("loop_breakbeat", 4, 126.0, 3.0),
    ("loop_compus", 16, 148.0, 4.5),
    ("loop_garzul", 16, 120.0, 2.0),
    ("loop_mika", 16, 120.0, 9.0),
)
MORE_LOOPS = (("loop_amen", 4, 136.9, 6.0), ("loop_amen_full", 16, 140.0, 4.0))
"""File, beats, tempo as recorded, and by how many ms attacks come after the file's own grid."""
MORE = Path("/usr/share/sonic-pi/samples")
SPEEDS = (1.0, 0.9, 1.1, 0.95, 1.05)
COUNT = 20


def real(cast: Cast, data: Path) -> list[Excerpt]:
    """Twenty: each loop with several human curves, at several speeds; raises Absent."""
    known = list(_known(data / "music" / "sonic-pi"))
    made = []
    for k, (speed, (file, beats, tempo, late_ms)) in enumerate(product(SPEEDS, known)):
        curve = cast.curve(k, tempo * speed)
        looped = Looped(file, beats, late_ms, curve, SECONDS)
        made.append(Excerpt("real", f"{file.stem} x {speed:g}", looped.times(), looped))
    return made[:COUNT]


def _known(folder: Path) -> Iterator[tuple[Path, int, float, float]]:
    for name, beats, tempo, late_ms in LOOPS:
        file = folder / f"{name}.flac"
        if not file.is_file():
            raise Absent(f"{file}: no such file; the set needs Sonic Pi's drum loops")
        yield file, beats, tempo, late_ms
    for name, beats, tempo, late_ms in MORE_LOOPS:
        if (MORE / f"{name}.flac").is_file():
            yield MORE / f"{name}.flac", beats, tempo, late_ms


__all__ = ["LOOPS", "MORE", "MORE_LOOPS", "real"]
