"""From a style to a model that plays live: pairs, training, figures, the folder in the zoo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from engine.artefact import Artefact
from models.effects.candidate import Candidate
from models.effects.deploy import deploy
from models.style.distil import pairs
from models.style.distil.losses import Goal, Reached
from models.style.distil.pairs import Pairs, contents_of, pieces
from models.style.distil.settings import RATE, Job
from models.style.distil.training import CHECKPOINT, Progress, Stop, Told, Training
from models.style.errors import StyleError
from models.style.material import equalised, long_term
from models.style.sound import Recording, at_rate, with_channels
from models.style.transfer import DONE, STOPPED


@dataclass(frozen=True)
class Distilled:
    """The training, and what is left of the way to the style on held-out contents.

    1 is the content itself. ``equaliser`` is the one fixed filter that gives each content the
    style's long-term spectrum, ``transfer`` the transfer itself, which hears the future.
    """

    training: Training
    played: Reached
    equaliser: Reached
    transfer: Reached
    stopped: bool

    def as_json(self) -> dict[str, Any]:
        """Figures by name."""
        made = {name: asdict(getattr(self, name)) for name in ("played", "equaliser", "transfer")}
        return {
            **made, "steps": self.training.step, "seconds": round(self.training.seconds),
            "ended": STOPPED if self.stopped else DONE,
        }  # fmt: skip


def distil(
    style: Recording, job: Job, folder: Path, contents: Sequence[Recording] = (), *,
    resume: bool = False, making: Callable[[float], None], told: Told, stop: Stop,
) -> Distilled:  # fmt: skip
    """Make pairs, train, score; ``folder`` keeps pairs, checkpoint, preview. StyleError."""
    job.check()
    if not resume and (folder / CHECKPOINT).exists():
        raise StyleError(f"{folder}: holds a distillation; resume it, or give another name")
    goal = Goal(at_rate(with_channels(style, 1), RATE))
    learnt, held = contents_of(job, pieces(contents) if contents else ())
    share = len(learnt) / (len(learnt) + len(held))

    def of_held(done: float) -> None:
        making(share + (1.0 - share) * done)

    ours = pairs.make(
        goal.recording, learnt, job, folder / "pairs", lambda done: making(share * done), stop
    )
    others = pairs.make(goal.recording, held, job, folder / "held", of_held, stop)
    training = Training(job, goal, ours, others, folder)
    if resume and (folder / CHECKPOINT).exists():
        training.resume()
    else:
        training.begin()
    stopped = training.run(told, stop)
    return figures(training, others, stopped)


def figures(training: Training, held: Pairs, stopped: bool = False) -> Distilled:
    """Scores on the held-out contents."""
    goal, dry = training.goal, torch.from_numpy(held.dry)
    power = long_term(goal.ear, [goal.views], [1.0])
    plain = torch.stack([equalised(row[None], goal.ear, power)[0] for row in dry])
    return Distilled(
        training, training.score(), goal.reached(plain, dry),
        goal.reached(torch.from_numpy(held.wet), dry), stopped,
    )  # fmt: skip


def export(found: Distilled, folder: Path, command: str, style: str) -> Artefact:
    """Write the model's folder; ArtefactError in one line."""
    job, training = found.training.job, found.training
    network = training.network.to_network()
    told: dict[str, str | int | float] = {
        "command": command,
        "style": style,
        "data": f"{len(training.dry)} pairs of {training.dry.shape[1] / RATE:g} s, "
        f"{job.iterations} iterations each",
        "steps": training.step,
        "seconds": round(training.seconds),
        "left": round(found.played.style, 3),
        "left_equaliser": round(found.equaliser.style, 3),
        "left_transfer": round(found.transfer.style, 3),
        "onsets": round(found.played.onsets, 3),
        "pitch": round(found.played.pitch, 3),
    }
    architecture = f"{job.bands} bands, {job.modes} modes"
    candidate = Candidate("restyler", architecture, network, RATE)
    return deploy(candidate, folder, f"{style}, distilled: your sound in its style", told)


__all__ = ["Distilled", "Progress", "distil", "export", "figures"]
