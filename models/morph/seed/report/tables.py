"""The tables of the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

FIGURES = {"rmse_db": "RMSE", "lsd_db": "LSD", "convergence_db": "SC"}
KINDS = {"learnt": "learnt", "unseen": "unheard", "polished": "polished", "other": "other set"}


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """A table whose first column names the rows."""
    yield '<div class="scroll"><table><thead><tr>'
    yield from (f'<th scope="col">{escape(head)}</th>' for head in heads)
    yield "</tr></thead><tbody>"
    for first, *rest in rows:
        cells = "".join(f"<td>{escape(told(cell))}</td>" for cell in rest)
        yield f'<tr><th scope="row">{escape(str(first))}</th>{cells}</tr>'
    yield "</tbody></table></div>"


def comparison(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Roche's comparison: each network's errors, in dB."""
    kinds = [kind for kind in KINDS if any(kind in row for row in rows)]
    heads = ["network", "code", "weights", "epochs", "min"]
    heads += [f"{KINDS[kind]} {name}" for kind in kinds for name in FIGURES.values()]
    yield from table(heads, ([*_about(row), *_errors(row, kinds)] for row in rows))
    yield (
        '<p class="soft">All in dB: RMSE of all values, LSD the mean over frames, SC the spectral '
        "convergence of magnitudes, which loud bins decide. Lower is better.</p>"
    )


def told(value: object) -> str:
    """A figure as it is read: two places, or thousands with spaces."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else f"{value:.2f}"


def _about(row: Mapping[str, Any]) -> list[object]:
    minutes = float(row["seconds"]) / 60.0
    return [row["name"], row["code"], row["weights"], row["epochs"], minutes]


def _errors(row: Mapping[str, Any], kinds: Sequence[str]) -> Iterator[object]:
    for kind in kinds:
        yield from (row[kind][name] if kind in row else "" for name in FIGURES)


__all__ = ["comparison", "table", "told"]
