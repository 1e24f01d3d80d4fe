"""Takes of drummers at tempos that move, that step, and that go on in silence."""

from __future__ import annotations

from pathlib import Path

from models.pulse.curves import Curve, steady, swung
from models.pulse.curves import stepped as step_curve
from models.pulse.judging.cast import EARLY_BEATS, Cast, first_bar
from models.pulse.judging.excerpts import SECONDS, Excerpt
from models.pulse.rendering import Piece, drum_strokes
from models.pulse.takes import Take

EVENT_SECONDS = 20.0
SILENT_BEATS = 8
ROOMS = (0.0, 0.3)


def clicked(cast: Cast) -> list[Excerpt]:
    """As they played, to a click."""
    return [
        _excerpt("gmd", k, take, steady(take.tempo_bpm), cast.font(k))
        for k, take in enumerate(cast.takes)
    ]


def warped(cast: Cast) -> list[Excerpt]:
    """With the tempo curve of a trio's recording."""
    return [
        _excerpt("warped", k, take, cast.curve(k, take.tempo_bpm), cast.font(k))
        for k, take in enumerate(cast.takes)
    ]


def rubato(cast: Cast) -> list[Excerpt]:
    """The tempo swings by about 22 %, with periods of 17 and 5.3 s, each take from elsewhere."""
    made = []
    for k, take in enumerate(cast.takes):
        curve = swung(take.tempo_bpm, SECONDS, phases=(2.4 * k, 1.0 + 1.7 * k))
        made.append(_excerpt("rubato", k, take, curve, cast.font(k)))
    return made


def stepped(cast: Cast, name: str, ratio: float) -> list[Excerpt]:
    """The tempo is ``ratio`` of what it was from the first beat after 20 s on."""
    made = []
    for k, take in enumerate(cast.takes):
        curve = step_curve(take.tempo_bpm, ratio, EVENT_SECONDS, SECONDS)
        at = _first_after(curve, EVENT_SECONDS)
        made.append(_excerpt(name, k, take, curve, cast.font(k), span=(at, SECONDS)))
    return made


def gapped(cast: Cast) -> list[Excerpt]:
    """Eight beats of silence from the first beat after 20 s on; the beat goes on."""
    made = []
    for k, take in enumerate(cast.takes):
        curve = steady(take.tempo_bpm)
        at = _first_after(curve, EVENT_SECONDS)
        until = at + SILENT_BEATS * 60.0 / take.tempo_bpm
        made.append(_excerpt("gap", k, take, curve, cast.font(k), span=(at, until), silent=True))
    return made


def _first_after(curve: Curve, seconds: float) -> float:
    beats = curve.until(SECONDS)
    return float(beats[beats >= seconds][0])


def _excerpt(
    name: str, k: int, take: Take, curve: Curve, font: Path,
    span: tuple[float, float] | None = None, silent: bool = False,
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
        font,
        ROOMS[k // 2 % 2],
        span,
    )


__all__ = ["EVENT_SECONDS", "SILENT_BEATS", "clicked", "gapped", "rubato", "stepped", "warped"]
