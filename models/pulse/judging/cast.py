"""Who plays in the excerpts: people nobody has heard, or those that a follower is worked on by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np

from models.pulse.curves import Curve, human
from models.pulse.judging.excerpts import OTHER_FONT, SECONDS
from models.pulse.rendering import DEFAULT_FONT
from models.pulse.takes import DEVELOPMENT, HELD_OUT, Take, Trio, groove, parted, trios

COUNT = 20
FASTER = 1.2
"""The most that a tempo curve is ahead of the take at the end of an excerpt."""
LONGEST_REST_SECONDS = 3.0
EARLY_BEATS = 0.1
"""A stroke that belongs to a beat may be so much before it."""


@dataclass(frozen=True)
class Cast:
    """Takes of drummers, and trios that play themselves and lend their tempo; ``fonts`` in turn."""

    takes: tuple[Take, ...]
    trios: tuple[Trio, ...]
    fonts: tuple[Path, ...] = (DEFAULT_FONT,)

    def curve(self, k: int, tempo_bpm: float) -> Curve:
        """The ``k``-th tempo curve of people who play together, its mean at ``tempo_bpm``."""
        count = len(self.trios)
        return human(self.trios[k % count], tempo_bpm, SECONDS, start=16 * (k // count))

    def font(self, k: int) -> Path:
        """The sound font of the ``k``-th file."""
        return self.fonts[k % len(self.fonts)]


@cache
def unheard(data: Path) -> Cast:
    """Those that nothing was trained on or chosen by; raises PulseError.

    Half of the files have a sound font that no network has heard, where it is installed.
    """
    takes = chosen(data / "drums" / "gmd", HELD_OUT)
    fonts = (DEFAULT_FONT, OTHER_FONT) if OTHER_FONT.is_file() else (DEFAULT_FONT,)
    return Cast(takes, parted(trios(data / "drums" / "jtd")).judged, fonts)


@cache
def development(data: Path) -> Cast:
    """Those that networks are chosen by: to work on a follower with; raises PulseError."""
    takes = chosen(data / "drums" / "gmd", DEVELOPMENT)
    return Cast(takes, parted(trios(data / "drums" / "jtd")).development)


def chosen(folder: Path, drummers: Sequence[str]) -> tuple[Take, ...]:
    """At most twenty takes of ``drummers``, one of each and of each style before the next of any.

    Left out: fills, metres with eighth-note beats (their beat is not the notated quarter), takes
    shorter than the excerpt at a fifth more than their tempo, and those with long rests.
    """
    by_style: dict[tuple[str, str], list[Take]] = {}
    for take in groove(folder):
        long = take.seconds > SECONDS * FASTER
        if take.drummer in drummers and long and not take.fill and take.meter.endswith("-4"):
            by_style.setdefault((take.drummer, take.style), []).append(take)
    rows = zip_longest(*(filter(_plays_on, those) for those in by_style.values()))
    return tuple(islice((take for row in rows for take in row if take is not None), COUNT))


def _plays_on(take: Take) -> bool:
    beats = take.notes["beat"]
    needed = SECONDS * take.tempo_bpm / 60.0 * FASTER
    if beats[-1] - first_bar(take) < needed:
        return False
    part = beats[(beats >= first_bar(take)) & (beats < first_bar(take) + needed)]
    return float(np.diff(part).max()) * 60.0 / take.tempo_bpm < LONGEST_REST_SECONDS


def first_bar(take: Take) -> float:
    """The beat on which the bar of its first stroke begins."""
    first = float(take.notes["beat"][0]) + EARLY_BEATS
    return take.beats_a_bar * float(np.floor(first / take.beats_a_bar))


__all__ = ["EARLY_BEATS", "Cast", "chosen", "development", "first_bar", "unheard"]
