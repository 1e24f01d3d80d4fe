"""The five questions, and what the figures of a study say to each.

The thesis's chapters on training, results and evaluation are headings without text, so these are
the questions that its method leaves open, in this project's words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Found = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """What is asked, and what makes one sentence or two of the figures."""

    asked: str
    answered: Callable[[Found], str]


def reconstruction(found: Found) -> str:
    """Question 1: the best row beside PCA and the thesis's network."""
    rows = {row["name"]: row for row in found["rows"]}
    best = min(found["rows"], key=lambda row: float(row["unseen"]["rmse_db"]))
    told = f"Best is {best['name']}: {_db(best)} dB from instruments that it has not heard"
    others = [name for name in ("pca", "thesis") if name in rows and name != best["name"]]
    beside = " and ".join(f"{_db(rows[name])} dB ({name})" for name in others)
    told += f", beside {beside}" if beside else ""
    loud = min(found["rows"], key=lambda row: float(row["unseen"]["convergence_db"]))
    if loud["name"] != best["name"]:
        told += f". Loud bins, by spectral convergence, are best with {loud['name']}"
    return f"{told}. Only unheard instruments count: velocities of one note are nearly equal."


def scale(found: Found) -> str:
    """Question 2: what a scale loses by itself."""
    rows = found["scales"]
    linear = rows["linear"]["lsd_db"]
    mels = ", ".join(
        f"{row['lsd_db']:.1f} dB with {row['rows']} bands"
        for name, row in rows.items()
        if name != "linear"
    )
    return (
        f"There and back without any network, bins lose {linear:.1f} dB (the floor), mel bands "
        f"{mels}: fewer rows to learn, paid for with what lies between them."
    )


def phase(found: Found) -> str:
    """Question 3: what it costs to have no phase."""
    rows = found["phases"]
    kept = rows["kept phase"]["decoded"]["lsd_db"]
    plain, fast = (rows[name]["exact"]["convergence_db"] for name in list(rows)[1:3])
    found_db = rows["fast Griffin-Lim 32"]["decoded"]["lsd_db"]
    better = "better" if fast < plain else "no better"
    return (
        f"Of decoded spectra, the kept phase makes sounds {kept:.1f} dB from the notes, fast "
        f"Griffin-Lim {found_db:.1f} dB. On exact spectra the fast variant is {better} than the "
        f"plain one: {fast:.1f} dB of spectral convergence beside {plain:.1f} dB."
    )


def morph(found: Found) -> str:
    """Question 4: whether a line of codes is a morph."""
    ways = found["interpolation"]["ways"]
    if not ways:
        return "No two instruments have a note of one pitch: it could not be asked."
    codes, fade, plain = (ways[name] for name in ("codes", "cross-fade", "faded dB"))
    kind = "a morph" if codes["step_cv"] < 0.5 * fade["step_cv"] else "little more than a fade"
    one_way = codes.get("monotone")
    centroid = f"{100 * one_way:.0f} % of steps" if one_way is not None else "no steps to count"
    return (
        f"By its steps it is {kind}: they differ by {codes['step_cv']:.2f} of their mean (cross-"
        f"fade {fade['step_cv']:.2f}, faded dB {plain['step_cv']:.2f}); the centroid goes one way "
        f"in {centroid}; {100 * codes['residual']:.0f} % of "
        f"the middle is no sum of the ends (cross-fade {100 * fade['residual']:.0f} %)."
    )


def hand(found: Found) -> str:
    """Question 5: whether codes that no note has are sounds."""
    made, notes = found["activation"]["nearest_db"], found["activation"]["notes_nearest_db"]
    if not notes:
        return "There are too few instruments to tell what is far."
    mean, usual = sum(made) / len(made), sum(notes) / len(notes)
    kind = "as new as another instrument" if mean > 0.8 * usual else "near to what was learnt"
    return (
        f"Codes set by hand are {kind}: {mean:.1f} dB from the nearest note that was learnt; notes "
        f"are {usual:.1f} dB from the nearest of another instrument."
    )


QUESTIONS = (
    Question("How well do notes come back through an autoencoder, and which?", reconstruction),
    Question("What does the scale of a spectrogram cost, linear or mel?", scale),
    Question("What does it cost to make a phase, where none is kept?", phase),
    Question("Is the line between two codes a morph of their sounds?", morph),
    Question("Do codes that are set by hand make new sounds?", hand),
)


def _db(row: Mapping[str, Any]) -> str:
    return f"{float(row['unseen']['rmse_db']):.2f}"


__all__ = ["QUESTIONS", "Question"]
