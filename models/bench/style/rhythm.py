"""Inter-onset intervals of results, with the rhythm's branch and without; onsets are not held."""

from __future__ import annotations

from engine.bench import Report
from models.bench.style.sources import excerpt, transferred
from models.bench.style.telling import say
from models.style.figures import Listener, rhythm_apart
from models.style.settings import Knobs, Settings

PAIRS = (("strings", "tabla"), ("piano", "tabla"), ("guitar", "drum loop"))
KNOBS = (0.0, 1.0, 3.0)
SECONDS = 10.0


def run(report: Report) -> None:
    """Add rows of the divergence to the style for the content and each knob."""
    for one, other in PAIRS:
        say(f"rhythm: {one} to {other}")
        content, style = excerpt(one, SECONDS), excerpt(other, SECONDS)
        heard, start = Listener(style), f"intervals of {one} to {other}"
        report.add(f"{start}: the content itself", rhythm_apart(Listener(content), heard), "bit")
        found = []
        for knob in KNOBS:
            asked = Settings(knobs=Knobs(rhythm=knob, onsets=0.0), device="cpu")
            made = transferred(content, style, asked)
            found.append(rhythm_apart(Listener(made.sound), heard))
        report.add(f"{start}: without the branch", found[0], "bit")
        report.add(f"{start}: with the branch, knob {KNOBS[1]:g}", found[1], "bit")
        for knob, value in zip(KNOBS[2:], found[2:], strict=True):
            report.add(f"{start}: with the branch, knob {knob:g}", value, "bit",
                       "less than without", value < found[0])  # fmt: skip


__all__ = ["run"]
