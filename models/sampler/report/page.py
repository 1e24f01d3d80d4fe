"""Writes a training as one page of HTML that needs nothing else: pictures and sounds are in it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.whole import write_text
from models.sampler.report import pictures, tables
from models.sampler.report.dream import Dream, History

Array = NDArray[Any]

SECONDS = 15.0
"""Of each sound that is in the page: at 22,050 Hz half a megabyte."""
MOST_SHOWN = 8
"""Dreams with a picture and a player; the others are rows of the table."""
HIGHEST_RATE = 48_000
SAFE = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"


def write_report(
    path: Path, source: Array, rate: int, dreams: Sequence[Dream], history: History,
    job: Mapping[str, Any], *, title: str = "Dreams", told: Sequence[str] = (),
) -> Path:  # fmt: skip
    """Write the page to ``path``, whole or not at all; returns ``path``.

    ``source`` (m,) at ``rate`` is what was learnt, ``dreams`` are in the order of training,
    ``job`` is the values as told to the user, ``told`` are sentences under the title.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, page(source, rate, dreams, history, job, title, told))
    return path


def page(
    source: Array, rate: int, dreams: Sequence[Dream], history: History, job: Mapping[str, Any],
    title: str = "Dreams", told: Sequence[str] = (),
) -> str:  # fmt: skip
    """The whole page."""
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{SAFE}">',
            f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>",
            *tables.head(title, told, dreams),
            *_sounds(source, rate, dreams),
            *tables.values(dreams),
            *_course(dreams, history),
            *tables.previews(dreams),
            *tables.job(job),
            "</main>\n</body>\n</html>\n",
        ]
    )


def shown(dreams: Sequence[Dream]) -> list[Dream]:
    """Those with a picture: the best, then up to seven others, evenly spread, newest first."""
    heard = [dream for dream in dreams if dream.sound is not None and len(dream.sound)]
    best = [dream for dream in heard if dream.best][-1:]
    others = [dream for dream in heard if dream not in best][::-1]
    room = MOST_SHOWN - len(best)
    places = np.unique(np.linspace(0, max(len(others) - 1, 0), min(room, len(others))).astype(int))
    return best + [others[place] for place in places]


def _sounds(source: Array, rate: int, dreams: Sequence[Dream]) -> Iterator[str]:
    heard = shown(dreams)
    longest = max(
        [len(source) / rate, *(len(d.sound) / d.rate for d in heard if d.sound is not None)]
    )
    seconds = min(SECONDS, longest)
    yield "<h2>Source and dreams</h2>"
    yield from _sound("Source", "what was learnt", source, rate, seconds)
    for dream in heard:
        assert dream.sound is not None
        about = f"step {dream.step}, {tables.time_told(dream.seconds)} of training"
        yield from _sound(dream.name, about, dream.sound, dream.rate, seconds, dream)


def _sound(
    name: str, about: str, sound: Array, rate: int, seconds: float, dream: Dream | None = None
) -> Iterator[str]:
    sound = np.nan_to_num(np.asarray(sound, np.float32)[: round(seconds * rate)])
    peak = max(float(np.abs(sound).max()), 1e-6)
    best = " best" if dream is not None and dream.best else ""
    yield f'<section class="sound{best}" aria-label="{escape(name)}"><header>'
    yield f"<h3>{escape(name)}</h3>"
    if best:
        yield '<span class="tag">best, kept</span>'
    if dream is not None and dream.scored is not None:
        yield tables.grade(dream.scored.grade)
    cut = f"the first {seconds:.0f} s; " if len(sound) >= round(seconds * rate) else ""
    link = f', <a href="{escape(dream.file)}">whole file</a>' if dream and dream.file else ""
    yield f'<span class="soft">{escape(about)}; {cut}peak {20 * np.log10(peak):.0f} dB{link}</span>'
    yield "</header>"
    yield pictures.sound_picture(sound, rate, seconds, peak)
    data = base64.b64encode(_flac(sound / max(1.0, peak / 0.98), rate)).decode()
    label = escape(f"Listen to {name}")
    yield (
        f'<audio controls preload="none" aria-label="{label}" '
        f'src="data:audio/flac;base64,{data}"></audio></section>'
    )


def _course(dreams: Sequence[Dream], history: History) -> Iterator[str]:
    scored = [(dream.step, dream.scored.merit) for dream in dreams if dream.scored is not None]
    if not history.steps and not scored:
        return
    yield "<h2>How training went</h2>"
    if history.steps:
        yield pictures.loss_picture(history.steps, history.losses)
    if scored:
        best = next((dream.step for dream in dreams if dream.best), None)
        steps, merits = zip(*scored, strict=True)
        yield pictures.merit_picture(steps, merits, best)


def _flac(sound: Array, rate: int) -> bytes:
    """16 bits; what is above 48 kHz is brought down to that."""
    if rate > HIGHEST_RATE:
        from models.sampler.score.features import resampled

        sound, rate = resampled(sound, rate, HIGHEST_RATE), HIGHEST_RATE
    out = io.BytesIO()
    soundfile.write(out, sound, rate, format="FLAC", subtype="PCM_16")
    return out.getvalue()


__all__ = ["page", "shown", "write_report"]
