"""Writes the study in a folder as one page of HTML; pictures and sounds are in it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from engine.morph.errors import MorphError
from engine.whole import write_text
from models.morph.seed.report import pictures, tables
from models.morph.seed.report.questions import QUESTIONS
from models.morph.seed.spectra import Transform
from models.morph.seed.study import SOUNDS, history, read_study

PAGE = "report.html"
FIGURES = {
    "step_cv": "spread of steps", "directness": "directness", "monotone": "centroid one way",
    "line_error": "off a line", "residual": "no cross-fade", "endpoint": "ends off",
    "cents_median": "cents", "cents_worst": "cents, worst",
}  # fmt: skip
"""What is told of paths: models.morph.measures.path.PathFigures."""
SAFE = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'"
STYLE = """
:root{color-scheme:light dark;--soft:#667;--line:#ccd}
body{font:16px/1.5 system-ui,sans-serif;margin:0}
main{max-width:60rem;margin:auto;padding:1rem}
h2{margin-top:2.5rem}.soft,figcaption{color:var(--soft);font-size:.9rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}
th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid var(--line)}
th:first-child{text-align:left}img{max-width:100%;background:#fff}
figure{margin:1rem 0}.sounds{display:flex;flex-wrap:wrap;gap:.8rem}
.sounds label{font-size:.9rem}audio{display:block;width:15rem;max-width:100%}
"""


def report(folder: Path) -> Path:
    """Write ``folder``/report.html of the study there; its path. MorphError in one line."""
    found = read_study(folder)
    try:
        write_text(folder / PAGE, "\n".join(_page(found, folder)))
    except OSError as error:
        raise MorphError(f"{folder / PAGE}: {error.strerror or error}") from None
    except KeyError as error:
        raise MorphError(f"{folder}: the study tells no {error.args[0]}") from None
    return folder / PAGE


def _page(found: Mapping[str, Any], folder: Path) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{SAFE}">'
    yield f"<title>Notes, coded</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>"
    yield "<h1>Notes, coded</h1>"
    yield (
        f'<p class="soft">{found["notes"]} notes were learnt, {found["test"]} of other instruments '
        f"tried. Questions 3 to 5 are of {escape(found['network'])}.</p>"
    )
    yield (
        '<p class="soft">The wording of the questions is ours, after the aims of the thesis '
        "(Langer 2023), whose chapters on training, results and evaluation have headings only.</p>"
    )
    parts = (_first, _second, _third, _fourth, _fifth)
    for number, (question, part) in enumerate(zip(QUESTIONS, parts, strict=True), 1):
        yield f"<section><h2>{number}. {escape(question.asked)}</h2>"
        yield f"<p>{escape(question.answered(found))}</p>"
        yield from part(found, folder)
        yield "</section>"
    yield "</main>\n</body>\n</html>\n"


def _first(found: Mapping[str, Any], folder: Path) -> Iterator[str]:
    yield from tables.comparison(found["rows"])
    courses = {row["name"]: history(folder, row["name"]) for row in found["rows"]}
    yield _picture(pictures.courses(courses), "the error on unheard instruments while training")


def _second(found: Mapping[str, Any], folder: Path) -> Iterator[str]:
    rows = ([name, r["rows"], r["lsd_db"], r["convergence_db"]] for name, r in _of(found, "scales"))
    yield from tables.table(["scale", "rows", "LSD", "SC"], rows)
    names = {"note.wav": "note", "scale-0.wav": "linear"}
    names |= {f"scale-{r['rows']}.wav": name for name, r in _of(found, "scales") if name[0] == "m"}
    yield from _heard(folder, names)


def _third(found: Mapping[str, Any], folder: Path) -> Iterator[str]:
    heads = ["phase", "exact LSD", "exact SC", "decoded LSD", "decoded SC"]
    rows = [
        [name, *(row[kind][key] for kind in ("exact", "decoded") for key in row[kind])]
        for name, row in _of(found, "phases")
    ]
    yield from tables.table(heads, rows)
    names = {"note.wav": "note"}
    for name, _ in _of(found, "phases"):
        names[f"phase-decoded-{name.replace(' ', '-')}.wav"] = f"decoded, {name}"
    yield from _heard(folder, names)


def _fourth(found: Mapping[str, Any], folder: Path) -> Iterator[str]:
    told = found["interpolation"]
    rows = ([name, *(way.get(key, "") for key in FIGURES)] for name, way in told["ways"].items())
    yield from tables.table(["way", *FIGURES.values()], rows)
    for k, (one, other, pitch) in enumerate(told["pairs"][:3]):
        yield f'<h3>{escape(one)} to {escape(other)} <span class="soft">key {pitch}</span></h3>'
        steps = range(0, told["steps"], 2)
        last = told["steps"] - 1
        yield from _heard(folder, {f"path-{k}-{step}.wav": f"{step / last:g}" for step in steps})


def _fifth(found: Mapping[str, Any], folder: Path) -> Iterator[str]:
    told = found["activation"]
    rows = [[f"sound {k}", away] for k, away in enumerate(told["nearest_db"])]
    yield from tables.table(["by hand", "dB to the nearest note"], rows)
    yield from _heard(folder, {f"hand-{k}.wav": f"sound {k}" for k in range(told["hand"])})


def _of(found: Mapping[str, Any], name: str) -> list[tuple[str, Any]]:
    return list(found[name].items())


def _heard(folder: Path, names: Mapping[str, str]) -> Iterator[str]:
    """Players of the sounds that are there, over their spectrograms."""
    import soundfile

    shown = []
    rate = 16_000
    yield '<div class="sounds">'
    for file, name in names.items():
        path = folder / SOUNDS / file
        if not path.is_file():
            continue
        sound, rate = soundfile.read(path, dtype="float32")
        shown.append((name, np.asarray(sound)))
        data = base64.b64encode(path.read_bytes()).decode()
        yield f"<label>{escape(name)}"
        yield f'<audio controls preload="none" src="data:audio/wav;base64,{data}"></audio></label>'
    yield "</div>"
    if shown:
        yield _picture(pictures.spectrograms(shown, Transform(rate)), "their spectrograms")


def _picture(data: bytes, about: str) -> str:
    told = escape(about)
    source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return f'<figure><img alt="{told}" src="{source}"><figcaption>{told}</figcaption></figure>'


__all__ = ["PAGE", "report"]
