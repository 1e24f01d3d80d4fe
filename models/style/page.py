"""A result as one page of HTML that needs nothing else: sounds to hear beside their spectrograms,
the losses of the way, the figures.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from engine.whole import write_text
from models.style import pictures
from models.style.figures import COPIED_S, KEPT_ONSETS, KEPT_PITCH, REACHED
from models.style.frames import HIGHEST_RATE
from models.style.settings import HIGHEST
from models.style.sound import Recording, at_rate
from models.style.transfer import Result

SECONDS = 20.0
"""Of each sound that is in the page: some 3 MB of stereo at 44.1 kHz."""
TOLD = {
    "onsets": ("onsets kept", f"correlation, at least {KEPT_ONSETS:g}"),
    "pitch": ("pitch classes kept", f"correlation, at least {KEPT_PITCH:g}"),
    "reached": ("style reached", f"of the way, at least {REACHED:g}"),
    "copied_s": ("copied", f"s at a stretch, less than {COPIED_S:g}"),
}
SAFE = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
STYLE = """
:root{color-scheme:light dark;--soft:#667;--line:#ccd}
body{font:16px/1.5 system-ui,sans-serif;margin:0}main{max-width:72rem;margin:auto;padding:1rem}
h1{font-size:1.5rem}h2{margin:2rem 0 .5rem;font-size:1.15rem}h3{margin:0;font-size:1rem}
.soft,figcaption{color:var(--soft);font-size:.9rem}
.beside{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:1.2rem}
article{min-width:0}audio{width:100%;margin:.4rem 0}figure{margin:0}
img{max-width:100%;background:#fff;border:1px solid var(--line)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .9rem .25rem 0;border-bottom:1px solid var(--line);text-align:right}
th:first-child{text-align:left}
"""


@dataclass(frozen=True)
class Shown:
    """A sound of the page: ``kind`` is content, style, result, stem, ..., ``name`` a file's."""

    kind: str
    name: str
    sound: Recording


def page_beside(
    out: Path, sounds: Sequence[Shown], result: Result, knobs: Mapping[str, float],
    figures: Mapping[str, Mapping[str, float]],
) -> Path:  # fmt: skip
    """Write ``out`` with the suffix .html; figures by style; where it is. OSError."""
    target = out.with_suffix(".html")
    parts = [*_figures(figures), *_terms(result.parts, knobs)]
    parts += _curve(result.history, "the loss of each iteration")
    spent = (
        f"{result.iterations} iterations in {result.seconds:.1f} s "
        f"({result.cpu_seconds:.1f} CPU seconds), {result.ended}."
    )
    write_text(target, page(out.name, spent, sounds, parts))
    return target


def page_in(folder: Path, sounds: Sequence[Shown], history: Sequence[float]) -> Path:
    """Write ``stems.html`` into the folder of the stems; where it is. OSError."""
    target = folder / "stems.html"
    told = f"{len(history) - 1} iterations; the stems add up to the mix."
    parts = list(_curve(history, "the loss of each iteration"))
    write_text(target, page(folder.name, told, sounds, parts))
    return target


def page(title: str, told: str, sounds: Sequence[Shown], parts: Sequence[str]) -> str:
    """The whole page: sounds side by side, then ``parts``."""
    longest = max(shown.sound.seconds for shown in sounds)
    cut = f" Of longer sounds the first {SECONDS:g} s are here." if longest > SECONDS else ""
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{SAFE}">',
            f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>",
            f'<h1>{escape(title)}</h1>\n<p class="soft">{escape(told)}{cut}</p>',
            '<div class="beside">',
            *(part for shown in sounds for part in _heard(shown)),
            "</div>",
            *parts,
            "</main>\n</body>\n</html>\n",
        ]
    )


def _heard(shown: Shown) -> Iterator[str]:
    sound = at_rate(shown.sound, min(shown.sound.rate, HIGHEST_RATE))
    samples = sound.samples[:, : round(SECONDS * sound.rate)]
    about = f"{shown.kind}: {shown.name}"
    yield f'<article><h3>{escape(shown.kind)} <span class="soft">{escape(shown.name)}</span></h3>'
    source = f"data:audio/flac;base64,{_flac(samples, sound.rate)}"
    yield f'<audio controls preload="none" aria-label="{escape(about)}" src="{source}"></audio>'
    yield _picture(pictures.spectrogram(samples.mean(0), sound.rate), f"spectrogram of {about}")
    yield "</article>"


def _figures(figures: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    if not figures:
        return
    yield "<h2>Heard by other ears than the loss</h2>"
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in figures)
    yield f'<div class="scroll"><table><thead><tr><th></th>{heads}</tr></thead><tbody>'
    for key, (name, about) in TOLD.items():
        cells = "".join(f"<td>{each[key]:.2f}</td>" for each in figures.values())
        about = f'<span class="soft">{escape(about)}</span>'
        yield f'<tr><th scope="row">{escape(name)} {about}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def _terms(parts: Mapping[str, float], knobs: Mapping[str, float]) -> Iterator[str]:
    yield "<h2>What was wanted</h2>"
    yield (
        '<p class="soft">harmony, timbre, rhythm: 1 is the content, 0 the style; content, pitch, '
        f"onsets: 0 is the content. Knobs go from 0 to {HIGHEST:g}.</p>"
    )
    yield '<div class="scroll"><table><thead><tr><th></th><th scope="col">knob</th>'
    yield '<th scope="col">left</th></tr></thead><tbody>'
    for name, value in parts.items():
        knob = knobs.get(name, 0.0)
        yield f'<tr><th scope="row">{escape(name)}</th><td>{knob:g}</td><td>{value:.3f}</td></tr>'
    yield "</tbody></table></div>"


def _curve(history: Sequence[float], about: str) -> Iterator[str]:
    yield "<h2>The way</h2>"
    yield _picture(pictures.curve(history), about)


def _picture(data: bytes, about: str) -> str:
    told = escape(about)
    source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return f'<figure><img alt="{told}" src="{source}"><figcaption>{told}</figcaption></figure>'


def _flac(samples: np.ndarray[tuple[int, ...], np.dtype[np.float32]], rate: int) -> str:
    """Sound (channels, n) as 16-bit FLAC, in base64; what is over full scale is turned down."""
    import soundfile

    peak = max(float(np.abs(samples).max(initial=0.0)), 1.0)
    written = io.BytesIO()
    soundfile.write(written, samples.T / peak, rate, format="FLAC", subtype="PCM_16")
    return base64.b64encode(written.getvalue()).decode()


__all__ = ["SECONDS", "Shown", "page", "page_beside", "page_in"]
