"""From what a user asks for to a folder with a table and pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.whole import write_whole
from models.pulse.errors import PulseError
from models.pulse.paper import feel, plots
from models.pulse.paper.material import Material, Recording
from models.pulse.paper.study import Findings, Order, Study, share_of
from models.pulse.paper.symbols import REPRESENTATIONS, Representation, representation
from models.pulse.paper.training import PLANS, Plan, Tell
from models.pulse.takes import FAMILIES, Take, groove

ALL = "all"


@dataclass(frozen=True)
class Result:
    """What a study came to, of each representation, and the feel of what was heard."""

    folder: Path
    recordings: tuple[dict[str, Any], ...]
    findings: tuple[Findings, ...]
    feels: dict[str, dict[str, Any]]
    judged_on: str

    @property
    def stopped(self) -> bool:
        """Whether it ended before its time."""
        return any(found.stopped for found in self.findings)

    def as_json(self) -> dict[str, Any]:
        """As an object."""
        return {
            "folder": str(self.folder),
            "recordings": list(self.recordings),
            "studies": [found.as_json() for found in self.findings],
            "feel": self.feels,
            "judged_on": self.judged_on,
            "stopped": self.stopped,
        }


def kinds(names: str) -> tuple[Representation, ...]:
    """The representations that ``names`` lists; raises PulseError."""
    return tuple(map(representation, _listed(names, REPRESENTATIONS)))


def plans(names: str) -> tuple[Plan, ...]:
    """The networks that ``names`` lists; raises PulseError."""
    listed = _listed(names, PLANS)
    for name in listed:
        if name not in PLANS:
            raise PulseError(f"networks = {name} is none of {', '.join(PLANS)}, all")
    return tuple(PLANS[name] for name in listed)


def takes(data: Path, styles: str) -> list[Take]:
    """The takes in ``data``/gmd of ``styles``, without fills; raises PulseError."""
    found = [take for take in groove(data / "gmd") if not take.fill]
    known = sorted({take.style for take in found})
    wanted = _listed(styles, known)
    for style in wanted:
        if style not in known:
            raise PulseError(f"{data}: style = {style} is none of {', '.join(known)}")
    return [take for take in found if take.style in wanted]


def run(
    material: Material, orders: Sequence[Order], folder: Path, resume: bool = False,
    tell: Tell | None = None,
) -> Result:  # fmt: skip
    """Study ``material`` as ``orders`` say and write everything to ``folder``; raises PulseError.

    Ctrl-C ends it after the step that is under way, with what there is.
    """
    from models.effects.training.loop import interruptible

    folder.mkdir(parents=True, exist_ok=True)
    found: list[Findings] = []
    with interruptible() as stopped:
        for number, one in enumerate(orders):
            if stopped and found:
                break
            part = share_of(tell, number, len(orders))
            found.append(Study(material, one, stopped).run(folder / one.kind.name, resume, part))
    heard = (*material.learnt, *material.unheard)
    played = feels(material)
    told = tuple(described(each) for each in heard)
    figures = {name: feel.figures(each) for name, each in played.items()}
    result = Result(folder, told, tuple(found), figures, material.judged_on)
    pictures = {"feel.png": plots.feels(played)}
    for each in found:
        pictures |= each.pictures
    for name, picture in pictures.items():
        write_whole(folder / name, picture)
    write_whole(folder / "study.json", json.dumps(result.as_json(), indent=1).encode())
    return result


def feels(material: Material) -> dict[str, feel.Feel]:
    """The feel of what is learnt from, and of unheard drummers; of takes, of each family too."""
    parts = {"learnt from": material.learnt, "held out": material.unheard}
    made = {}
    for name, recordings in parts.items():
        if recordings:
            usable = [r for r in recordings if r.feels or len(r.beats) > 1]
            made[name] = feel.together([deviations(r) for r in usable])
        for family in FAMILIES:
            told = [r.feels[family] for r in recordings if family in r.feels]
            if told:
                made[f"{name}, {family}"] = feel.together(told)
    return made


def deviations(recording: Recording) -> feel.Feel:
    """Its strokes beside the click, where these are known; else its onsets beside its pulse."""
    if recording.feels:
        return feel.together(list(recording.feels.values()))
    return feel.deviations(recording.onset_seconds, recording.beat_seconds)


def described(recording: Recording) -> dict[str, Any]:
    """What was found in a recording."""
    return {
        "name": recording.name,
        "seconds": round(recording.seconds, 1),
        "tempo_bpm": round(recording.tempo_bpm, 1),
        "beats": len(recording.beats),
        "onsets": len(recording.onset_seconds),
    }


def _listed(names: str, known: Sequence[str] | dict[str, Any]) -> list[str]:
    listed = [name.strip() for name in names.split(",") if name.strip()]
    return list(known) if ALL in listed or not listed else list(dict.fromkeys(listed))


__all__ = ["Result", "deviations", "feels", "kinds", "plans", "run", "takes"]
