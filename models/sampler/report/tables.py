"""The words and tables of a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from models.sampler.report.dream import Dream
from models.sampler.score import CRITERIA, LIMITS, Scored
from models.sampler.score.limits import Limit


def head(title: str, told: Sequence[str], dreams: Sequence[Dream]) -> Iterator[str]:
    """The title, what is told, and how the best dream was graded."""
    yield f"<h1>{escape(title)}</h1>"
    for sentence in told:
        yield f'<p class="soft">{escape(sentence)}</p>'
    best = best_of(dreams)
    if best is None or best.scored is None:
        return
    yield f"<p>The best dream, <strong>{escape(best.name)}</strong>, {best.scored.verdict}.</p>"
    yield '<ul class="chips">'
    for criterion, about in CRITERIA.items():
        yield f"<li>{grade(best.scored.grades[criterion])}{escape(about)}</li>"
    yield "</ul>"


def best_of(dreams: Sequence[Dream]) -> Dream | None:
    """The one that is kept; if none is marked, the one of the highest merit."""
    marked = [dream for dream in dreams if dream.best]
    scored = [dream for dream in dreams if dream.scored is not None]
    if marked:
        return marked[-1]
    return max(scored, key=lambda d: d.scored.merit if d.scored else 0.0) if scored else None


def values(dreams: Sequence[Dream]) -> Iterator[str]:
    """Every value of the best dream, with its limits and grade."""
    best = best_of(dreams)
    if best is None or best.scored is None:
        return
    yield f"<h2>Score of {escape(best.name)}</h2>"
    yield '<div class="scroll"><table><thead><tr><th scope="col">criterion</th>'
    yield '<th scope="col">value</th><th scope="col">High</th><th scope="col">Medium</th>'
    yield '<th scope="col">grade</th></tr></thead><tbody>'
    for criterion, about in CRITERIA.items():
        yield f'<tr class="head"><th scope="rowgroup">{criterion} {escape(about)}</th>'
        yield f"<td></td><td></td><td></td><td>{grade(best.scored.grades[criterion])}</td></tr>"
        yield from _rows(best.scored, criterion)
    yield "</tbody></table></div>"
    for note in best.scored.notes:
        yield f"<p>Note: {escape(note)}.</p>"


def _rows(scored: Scored, criterion: str) -> Iterator[str]:
    for name in scored.names(criterion):
        limit = LIMITS[name]
        high, medium = limit.bounds("≥", "≤")
        yield f'<tr><th scope="row">{escape(limit.told)} <span class="soft">{name}</span></th>'
        told = _with_unit(scored.values[name], limit)
        yield f"<td>{told}</td><td>{high}</td><td>{medium}</td>"
        yield f"<td>{grade(scored.value_grades[name])}</td></tr>"


def previews(dreams: Sequence[Dream]) -> Iterator[str]:
    """A row for each preview."""
    if not dreams:
        return
    yield '<h2>Every preview</h2><div class="scroll"><table><thead><tr><th scope="col">dream</th>'
    yield '<th scope="col">step</th><th scope="col">trained</th>'
    for about in CRITERIA.values():
        yield f'<th scope="col">{escape(about)}</th>'
    yield '<th scope="col">merit</th></tr></thead><tbody>'
    for dream in dreams:
        mark, tag = (' class="best"', ' <span class="tag">best</span>') if dream.best else ("", "")
        name = f'<a href="{escape(dream.file)}">{escape(dream.name)}</a>' if dream.file else ""
        yield f'<tr{mark}><th scope="row">{name or escape(dream.name)}{tag}</th>'
        yield f"<td>{dream.step}</td><td>{time_told(dream.seconds)}</td>"
        if dream.scored is None:
            yield '<td class="soft" colspan="5">not scored</td></tr>'
            continue
        yield from (f"<td>{grade(dream.scored.grades[c])}</td>" for c in CRITERIA)
        yield f"<td>{dream.scored.merit:.2f}</td></tr>"
    yield "</tbody></table></div>"
    yield (
        '<p class="soft">Merit ranks: above 0.5 nothing is Low. A criterion is as good as its '
        "worst value.</p>"
    )


def job(told: Mapping[str, Any]) -> Iterator[str]:
    """The values of the job."""
    if not told:
        return
    yield '<h2>The job</h2><dl class="jobs">'
    for name, value in told.items():
        yield f"<div><dt>{escape(name)}</dt><dd>{escape(_value_told(value))}</dd></div>"
    yield "</dl>"


def grade(told: str) -> str:
    """A grade, by colour and in words."""
    return f'<span class="grade {told}">{told}</span>'


def time_told(seconds: float) -> str:
    """12 s, or 3 min 05 s."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60:02d} s"


def _with_unit(value: float, limit: Limit) -> str:
    unit = f' <span class="soft">{escape(limit.unit)}</span>' if limit.unit else ""
    return f"{value:.2f}{unit}"


def _value_told(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return " × ".join(_value_told(one) for one in value)
    return str(value)


__all__ = ["best_of", "grade", "head", "job", "previews", "time_told", "values"]
