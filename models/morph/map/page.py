"""The map as one page of HTML that needs nothing else: two taps choose two ends."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from html import escape
from pathlib import Path

from engine.morph.map import Map
from models.morph.map.layout import HEIGHT, WIDTH, colours, labels, names_of, plain, spots

PAGES = Path(__file__).with_name("pages")
SAFE = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
MOST_NOTES = 3000


def map_page(found: Map, model: str) -> str:
    """The whole page; ``model`` is what the player called it."""
    return "\n".join(_page(found, model)) + "\n"


def _page(found: Map, model: str) -> Iterator[str]:
    style = (PAGES / "map.css").read_text("utf-8")
    script = (PAGES / "map.js").read_text("utf-8")
    title = escape(f"Sounds of {Path(model).name}")
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{SAFE}">'
    yield f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n<main>"
    yield f"<h1>{title}</h1>"
    yield (
        f'<p class="soft">{len(found.sounds)} sounds; those that sound alike lie near each other. '
        f"Of the three nearest {100 * found.purity:.0f} % are of one family (by chance "
        f"{100 * found.chance:.0f} %). Choose two: one is A, the next is B.</p>"
    )
    called = escape(shlex.quote(model), quote=True)
    yield f'<p id="chosen" role="status" data-model="{called}">A: \u2013 \u00b7 B: \u2013</p>'
    yield from _picture(found)
    yield "<table><thead><tr><th>number</th><th>sound</th><th>family</th><th>pitches</th></tr>"
    yield "</thead><tbody>"
    for number, (sound, pitches) in enumerate(zip(found.sounds, found.pitches, strict=True)):
        told = ", ".join(map(str, sorted(set(pitches))))
        cells = (str(number), plain(sound.name), plain(sound.family), told)
        yield "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
    yield f"</tbody></table>\n</main>\n<script>\n{script}</script>\n</body>\n</html>"


def _picture(found: Map) -> Iterator[str]:
    colour = colours([sound.family for sound in found.sounds])
    yield f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="group" aria-label="Map of the sounds">'
    if len(found.notes) <= MOST_NOTES:
        for sound in found.sounds:
            for x, y in spots(found.notes[list(sound.notes)].tolist()):
                fill = colour[sound.family]
                yield f'<circle class="note" cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{fill}"/>'
    places, names = spots(found.points.tolist()), names_of(found)
    each = zip(places, found.sounds, names, labels(places, names), strict=True)
    for number, ((x, y), sound, name, label) in enumerate(each):
        told, fill = escape(f"{name}, {plain(sound.family)}", quote=True), colour[sound.family]
        yield (
            f'<g class="sound" role="button" tabindex="0" data-number="{number}" '
            f'aria-label="{told}" fill="{fill}"><title>{told}</title>'
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="16" fill="transparent"/>'
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="6"/>'
        )
        if label is not None:
            yield (
                f'<text x="{label.x:.1f}" y="{label.y + 4:.1f}" text-anchor="{label.anchor}">'
                f"{escape(name)}</text>"
            )
        yield "</g>"
    yield "</svg>"
    yield '<p class="families">'
    for family, fill in colour.items():
        yield (
            f'<span><svg viewBox="0 0 10 10"><circle cx="5" cy="5" r="5" fill="{fill}"/></svg>'
            f"{escape(plain(family))}</span>"
        )
    yield "</p>"


__all__ = ["map_page"]
