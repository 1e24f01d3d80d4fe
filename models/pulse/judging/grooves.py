"""Takes of held-out drummers at tempos that move, that step, and that go on in silence."""

from __future__ import annotations

from functools import cache
from itertools import islice, zip_longest
from pathlib import Path

import numpy as np

from models.pulse.curves import Curve, human, steady, swung
from models.pulse.curves import stepped as step_curve
from models.pulse.judging.excerpts import OTHER_FONT, SECONDS, Excerpt
from models.pulse.rendering import DEFAULT_FONT, Piece, drum_strokes
from models.pulse.takes import Take, Trio, groove, trios

COUNT = 20
FEW = 10
EVENT_SECONDS = 20.0
SILENT_BEATS = 8
ROOMS = (0.0, 0.3)
EARLY_BEATS = 0.1
"""A stroke that belongs to a beat may be so much before it."""
FASTER = 1.2
"""The most that a tempo curve is ahead of the take at the end of an excerpt."""
LONGEST_REST_SECONDS = 3.0


def clicked(data: Path) -> list[Excerpt]:
    """As they played, to a click."""
    takes = chosen(data / "drums" / "gmd")
    return [_excerpt("gmd", k, take, steady(take.tempo_bpm)) for k, take in enumerate(takes)]


def warped(data: Path) -> list[Excerpt]:
    """With the tempo curve of a held-out trio's recording."""
    takes, people = chosen(data / "drums" / "gmd"), held_out_trios(data / "drums" / "jtd")
    return [
        _excerpt("warped", k, take, human_curve(people, k, take.tempo_bpm))
        for k, take in enumerate(takes)
    ]


def rubato(data: Path) -> list[Excerpt]:
    """The tempo swings by about 22 %, with periods of 17 and 5.3 s, each take from elsewhere."""
    made = []
    for k, take in enumerate(chosen(data / "drums" / "gmd")):
        curve = swung(take.tempo_bpm, SECONDS, phases=(2.4 * k, 1.0 + 1.7 * k))
        made.append(_excerpt("rubato", k, take, curve))
    return made


def stepped(data: Path, name: str, ratio: float) -> list[Excerpt]:
    """The tempo is ``ratio`` of what it was from the first beat after 20 s on."""
    made = []
    for k, take in enumerate(chosen(data / "drums" / "gmd")[:FEW]):
        curve = step_curve(take.tempo_bpm, ratio, EVENT_SECONDS, SECONDS)
        at = _first_after(curve, EVENT_SECONDS)
        made.append(_excerpt(name, k, take, curve, span=(at, SECONDS)))
    return made


def gapped(data: Path) -> list[Excerpt]:
    """Eight beats of silence from the first beat after 20 s on; the beat goes on."""
    made = []
    for k, take in enumerate(chosen(data / "drums" / "gmd")[:FEW]):
        curve = steady(take.tempo_bpm)
        at = _first_after(curve, EVENT_SECONDS)
        until = at + SILENT_BEATS * 60.0 / take.tempo_bpm
        made.append(_excerpt("gap", k, take, curve, span=(at, until), silent=True))
    return made


def human_curve(people: list[Trio], k: int, tempo_bpm: float) -> Curve:
    """The ``k``-th curve of people who play together, its mean at ``tempo_bpm``."""
    return human(people[k % len(people)], tempo_bpm, SECONDS, start=16 * (k // len(people)))


@cache
def held_out_trios(folder: Path) -> list[Trio]:
    """Those that nothing is trained on."""
    return [trio for trio in trios(folder) if trio.held_out]


@cache
def chosen(folder: Path) -> list[Take]:
    """Twenty takes of held-out drummers, one of each drummer and style before the next of any.

    Left out: fills, metres with eighth-note beats (their beat is not the notated quarter), takes
    shorter than the excerpt at a fifth more than their tempo, and those with long rests.
    """
    by_style: dict[tuple[str, str], list[Take]] = {}
    for take in groove(folder):
        long = take.seconds > SECONDS * FASTER
        if take.held_out and long and not take.fill and take.meter.endswith("-4"):
            by_style.setdefault((take.drummer, take.style), []).append(take)
    rows = zip_longest(*(filter(_plays_on, those) for those in by_style.values()))
    return list(islice((take for row in rows for take in row if take is not None), COUNT))


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


def _first_after(curve: Curve, seconds: float) -> float:
    beats = curve.until(SECONDS)
    return float(beats[beats >= seconds][0])


def _excerpt(
    name: str, k: int, take: Take, curve: Curve, span: tuple[float, float] | None = None,
    silent: bool = False,
) -> Excerpt:  # fmt: skip
    notes = take.notes
    beats = notes["beat"] - first_bar(take)
    seconds = curve.at(beats)
    heard = (seconds < SECONDS) & (beats > -EARLY_BEATS)
    if silent and span is not None:
        early = EARLY_BEATS * 60.0 / take.tempo_bpm
        heard &= (seconds < span[0] - early) | (seconds >= span[1] - early)
    strokes = drum_strokes(seconds[heard], notes["pitch"][heard], notes["velocity"][heard])
    return Excerpt(
        name,
        f"{take.drummer} {take.file.stem}",
        curve.until(SECONDS),
        Piece(strokes, SECONDS),
        font_of(k),
        ROOMS[k // 2 % 2],
        span,
    )


def font_of(k: int) -> Path:
    """Half of the files have a sound font that no network has heard, where it is installed."""
    return OTHER_FONT if k % 2 and OTHER_FONT.is_file() else DEFAULT_FONT


__all__ = ["EVENT_SECONDS", "SILENT_BEATS", "chosen", "clicked", "font_of", "gapped",
           "held_out_trios", "human_curve", "rubato", "stepped", "warped"]  # fmt: skip
