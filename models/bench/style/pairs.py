"""Recordings in each other's style, default settings: what is kept, reached and copied."""

from __future__ import annotations

from engine.bench import Report
from models.bench.style.sources import excerpt, transferred
from models.bench.style.telling import say
from models.style.figures import (
    COPIED_S,
    KEPT_ONSETS,
    KEPT_PITCH,
    REACHED,
    Listener,
    heard_figures,
)
from models.style.settings import Settings

PAIRS = (
    ("strings", "vibes"), ("guitar", "trumpet"), ("electric piano", "choir"), ("song", "piano"),
    ("piano", "guitar"), ("trumpet", "guitar"), ("celesta", "strings"),
    ("vibes", "electric piano"),
)  # fmt: skip
LEAST = 4


def run(report: Report) -> None:
    """Add four rows for each pair, and how many have all at once."""
    holding = 0
    for one, other in PAIRS:
        content, style = excerpt(one), excerpt(other)
        result = transferred(content, style, Settings(device="cpu"))
        found = heard_figures(Listener(content), Listener(style), Listener(result.sound))
        holding += found.holds
        say(f"{one} to {other}: {found.as_json()}")
        start = f"{one} to {other}"
        for name, value, unit, least in (
            ("onsets kept", found.onsets, "correlation", KEPT_ONSETS),
            ("pitch classes kept", found.pitch, "correlation", KEPT_PITCH),
            ("style reached", found.reached, "of the way", REACHED),
        ):
            report.add(f"{start}: {name}", value, unit, f"at least {least:g}", value >= least)
        report.add(f"{start}: copied", found.copied_s, "s", f"less than {COPIED_S:g}",
                   found.copied_s < COPIED_S)  # fmt: skip
    report.add("pairs that have all at once", holding, f"of {len(PAIRS)}", f"at least {LEAST}",
               holding >= LEAST)  # fmt: skip


__all__ = ["PAIRS", "run"]
