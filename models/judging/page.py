"""Writes a judgement as one page of HTML that needs nothing else: pictures and sounds are in it."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from engine.whole import write_text
from models.judging import plots
from models.judging.judge import Heard, Judgement
from models.judging.metrics import Figures
from models.judging.responses import loudest

Array = NDArray[Any]

PAGES = Path(__file__).with_name("pages")
SECONDS = 5.0
"""Of each sound that is in the page: nine of them are 5 MB at the most."""
HIGHEST_RATE = 48_000  # above it an excerpt is shorter, so that a page is no larger

TOLD = {
    "esr": ("ESR", "error energy / effect energy"),
    "esr_emphasised": ("ESR, pre-emphasised", "1 - 0.85 / z"),
    "mae": ("MAE", "full scale is 1"),
    "dc": ("DC", "square of the mean error / mean square"),
    "mrstft": ("Multi-resolution STFT", "512, 1024, 2048"),
    "mel_db": ("Mel spectrogram", "dB"),
}
SAFE = (
    "default-src 'none'; img-src data:; media-src data: blob:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'"
)


def write_page(judgement: Judgement, folder: Path) -> Path:
    """Write ``<model>.html`` into ``folder``, whole or not at all; returns where."""
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{_file_name(judgement.model)}.html"
    write_text(target, page(judgement))
    return target


def page(judgement: Judgement) -> str:
    """The whole page."""
    title = escape(f"{judgement.model} judged")
    style = (PAGES / "judge.css").read_text(encoding="utf-8")
    script = (PAGES / "judge.js").read_text(encoding="utf-8")
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{SAFE}">',
            f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>",
            *_head(judgement),
            *_shown(judgement),
            *_each(judgement),
            f"</main>\n<script>\n{script}</script>\n</body>\n</html>\n",
        ]
    )


def figure_rows(figures: Figures) -> list[tuple[str, str, str, str]]:
    """What the tables tell of each metric: its name, the model's, the clean sound's, the gain."""
    return [
        (TOLD[name][0], f"{one.model:.4g}", f"{one.clean:.4g}", f"{one.better_db:+.1f} dB")
        for name, one in figures.items()
    ]


def _head(judgement: Judgement) -> Iterator[str]:
    yield f"<h1>{escape(judgement.model)}</h1>"
    count, seconds = len(judgement.heard), judgement.total.frames / judgement.sample_rate
    yield (
        f'<p class="soft">{escape(judgement.architecture)}. Measured on {count} '
        f"{'pair' if count == 1 else 'pairs'} ({escape(judgement.split)}, {seconds:.1f} s at "
        f"{judgement.sample_rate} Hz) of <code>{escape(judgement.pairs)}</code>.</p>"
    )
    yield "<h2>Distance to the effect</h2>"
    yield '<div class="scroll"><table><thead><tr><th scope="col">metric</th>'
    yield '<th scope="col">model</th><th scope="col">clean</th>'
    yield '<th scope="col">model is nearer by</th></tr></thead><tbody>'
    for (name, *cells), key in zip(figure_rows(judgement.total), TOLD, strict=True):
        told = f'{escape(name)} <span class="soft">{escape(TOLD[key][1])}</span>'
        yield f'<tr><th scope="row">{told}</th>' + "".join(f"<td>{cell}</td>" for cell in cells)
        yield "</tr>"
    yield "</tbody></table></div>"
    if judgement.alias_db is not None:
        yield (
            f"<p>Between the harmonics of high sines: {judgement.alias_db:.1f} dB against them, "
            "at the worst of three notes (aliasing; noise and modulation count as well).</p>"
        )
    for warning in judgement.warnings:
        yield f"<p>Note: {escape(warning)}.</p>"


def _shown(judgement: Judgement) -> Iterator[str]:
    for number, one in enumerate(heard for heard in judgement.heard if len(heard.dry)):
        rate = judgement.sample_rate
        frames = round(SECONDS * rate * min(1.0, HIGHEST_RATE / rate))
        first = loudest(one.wet, frames)
        cut = [np.asarray(s[first : first + frames]) for s in (one.dry, one.wet, one.made)]
        yield f"<h2>{escape(one.name)}</h2>"
        yield f'<p class="soft">{_knobs(one)}{first / rate:.1f} s to {_end(first, cut, rate)}</p>'
        yield from _player(number, cut, rate)
        yield from _pictures(one, cut, rate)


def _end(first: int, cut: list[Array], rate: int) -> str:
    return f"{(first + len(cut[0])) / rate:.1f} s"


def _knobs(one: Heard) -> str:
    told = ", ".join(f"{escape(name)} {value:g}" for name, value in one.knobs.items())
    return f"{told}; " if told else ""


def _player(number: int, cut: list[Array], rate: int) -> Iterator[str]:
    """Buttons, and the three sounds at one gain: as loud to each other as they were."""
    peak = max(float(np.abs(sound).max()) for sound in cut)
    gain = min(1.0, 0.98 / max(peak, 1e-9))
    sounds = json.dumps([_flac(gain * sound, rate) for sound in cut])
    yield f'<div class="player" role="group" aria-label="Listen" data-sounds="sounds{number}">'
    yield '<button type="button" class="play">Play</button>'
    for key, name in enumerate(("clean", "effect", "model"), 1):
        pressed = str(name == "effect").lower()
        yield (
            f'<button type="button" data-hear="{name}" aria-pressed="{pressed}" '
            f'aria-keyshortcuts="{key}">{name} <span class="soft">{key}</span></button>'
        )
    yield '<input type="range" min="0" max="1" step="any" value="0" aria-label="Place"></div>'
    lowered = f" All three lowered by {-20 * np.log10(gain):.1f} dB." if gain < 1.0 else ""
    yield f'<p class="soft">Keys 1, 2 and 3 switch at the same place; space plays.{lowered}</p>'
    yield f'<script type="application/json" id="sounds{number}">{sounds}</script>'


def _pictures(one: Heard, cut: list[Array], rate: int) -> Iterator[str]:
    dry, wet, made = cut
    esr, mel = one.figures.esr, one.figures.mel_db
    yield _picture(
        plots.spectrograms(dry, wet, made, rate),
        "Mel spectrograms of the clean sound, the effect and the model, and model minus effect; "
        f"they differ by {mel.model:.2f} dB on average, clean and effect by {mel.clean:.2f} dB",
    )
    yield _picture(
        plots.waveforms(dry, wet, made, rate),
        "Levels over the excerpt, and 25 ms of the waveforms at its sharpest attack; "
        f"the error has {esr.model:.3g} of the effect's energy",
    )
    yield _picture(
        plots.transfer(dry, wet, made, rate),
        "Transfer curves of effect and model: each output sample against its input sample, and "
        "output level against input level in 10 ms",
    )
    whole = (one.dry, one.wet, one.made)
    yield _picture(
        plots.responses(*whole, rate),
        "Impulse and frequency responses from clean to effect and from clean to model, by "
        "regularised spectral division; of a nonlinear effect, the filter nearest to it",
    )


def _picture(png: bytes, told: str) -> str:
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return (
        f'<figure><img src="{source}" alt="{escape(told)}" loading="lazy">'
        f"<figcaption>{escape(told)}.</figcaption></figure>"
    )


def _each(judgement: Judgement) -> Iterator[str]:
    yield '<h2>Each pair</h2><div class="scroll"><table><thead><tr><th scope="col">pair</th>'
    yield '<th scope="col">s</th><th scope="col">ESR</th><th scope="col">of clean</th>'
    yield '<th scope="col">MR-STFT</th><th scope="col">mel, dB</th></tr></thead><tbody>'
    for one in judgement.heard:
        figures = one.figures
        cells = (
            f"{figures.frames / judgement.sample_rate:.1f}",
            f"{figures.esr.model:.4g}",
            f"{figures.esr.clean:.4g}",
            f"{figures.mrstft.model:.3f}",
            f"{figures.mel_db.model:.2f}",
        )
        told = escape(one.name) + (f' <span class="soft">{_knobs(one)[:-2]}</span>')
        yield f'<tr><th scope="row">{told}</th>' + "".join(f"<td>{c}</td>" for c in cells) + "</tr>"
    yield "</tbody></table></div>"


def _flac(sound: Array, rate: int) -> str:
    """A sound as 16-bit FLAC, in base64."""
    written = io.BytesIO()
    soundfile.write(written, sound, rate, format="FLAC", subtype="PCM_16")
    return base64.b64encode(written.getvalue()).decode()


def _file_name(name: str) -> str:
    kept = "".join(c if c.isalnum() or c in "-_. " else "-" for c in name).strip(". ")
    return kept[:100] or "model"


__all__ = ["figure_rows", "page", "write_page"]
