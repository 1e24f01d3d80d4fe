"""Trains a recurrent network to sound like a pedalboard distortion and exports it.

Loss: error-to-signal ratio of the signals and of the pre-emphasised ones, after
Wright et al., Real-Time Guitar Amplifier Emulation with Deep Learning, 2020.
"""

import argparse
import math
import os
import shlex
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from engine.artefact import Artefact
from engine.performance import guitar
from models.effects import data
from models.effects.data import SAMPLE_RATE, Audio, Chain
from models.effects.evaluate import esr
from models.effects.network import Recurrent
from models.export import Description, export_json

FLOOR = 1e-5  # -50 dB


@dataclass(frozen=True)
class Settings:
    """Everything a training depends on; each is an option of the command line."""

    name: str = "drive"
    about: str = "Crunch: a light distortion that cleans up when played softly"
    drive_db: float = 20.0
    hidden: int = 16
    epochs: int = 450
    patience: int = 150  # epochs without a better validation before it stops
    learning_rate: float = 5e-3
    last_learning_rate: float = 1e-4
    segment: int = 12_288  # frames in a row of the batch
    warm_up: int = 512  # frames that only fill the state; the high-pass forgets in 300
    truncate: int = 512  # frames between updates
    seed: int = 1
    threads: int = 1
    folder: str = "models/zoo"
    checkpoints: str = "runs"


# -- data and network ---------------------------------------------------------------------


@dataclass
class Training:
    """What a checkpoint holds, and the sound that is learnt from."""

    settings: Settings
    chain: Chain
    network: Recurrent
    optimiser: torch.optim.Adam
    epoch: int = 0
    seconds: float = 0.0
    best_esr: float = math.inf
    best_epoch: int = 0
    best: dict[str, Tensor] | None = None


def begin(settings: Settings) -> Training:
    """Return a training that has not seen anything yet."""
    torch.manual_seed(settings.seed)
    network = Recurrent(settings.hidden, input_gain=10.0 ** (settings.drive_db / 40.0))
    optimiser = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
    return Training(settings, data.levelled(settings.drive_db), network, optimiser)


def rows(audio: Audio) -> Tensor:
    """Return segments (count, frames) as the network takes them, (frames, count, 1)."""
    return torch.from_numpy(np.ascontiguousarray(np.atleast_2d(audio).T)).unsqueeze(-1)


# -- loss ---------------------------------------------------------------------------------


def loss(out: Tensor, wet: Tensor) -> Tensor:
    """Return the mean over the batch of ESR, with and without pre-emphasis.

    Pre-emphasis alone leaves the bass to chance, where most of the energy is; without it the
    treble is dull. Each row counts alike, so soft playing is learnt as well as loud; the
    floor keeps silence from counting for everything.
    """
    error = out - wet
    plain = error.square().mean(0) / (wet.square().mean(0) + FLOOR)
    error, wet = error[1:] - 0.85 * error[:-1], wet[1:] - 0.85 * wet[:-1]
    bright = error.square().mean(0) / (wet.square().mean(0) + FLOOR)
    return (plain + bright).mean()


# -- loop ---------------------------------------------------------------------------------


def learn(training: Training, dry: Audio) -> float:
    """Go once through fresh pairs with truncated backpropagation; return the mean loss."""
    settings, network = training.settings, training.network
    rng = np.random.default_rng((settings.seed, training.epoch))
    audio, wet = map(rows, data.pairs(training.chain, dry, settings.segment, rng))
    states = tuple(network.silence(audio.shape[1]).values())
    with torch.no_grad():
        _, *states = network(audio[: settings.warm_up], *states)
    losses = []
    for start in range(settings.warm_up, len(audio) - settings.truncate + 1, settings.truncate):
        part = slice(start, start + settings.truncate)
        out, *states = network(audio[part], *(state.detach() for state in states))
        error = loss(out, wet[part])
        training.optimiser.zero_grad()
        error.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        training.optimiser.step()
        losses.append(error.item())
    return float(np.mean(losses))


def validate(training: Training, dry: Audio, wet: Audio) -> float:
    """Return the plain ESR over the held-out bars, from zero state."""
    with torch.no_grad():
        out, *_ = training.network(rows(dry), *training.network.silence().values())
    return esr(out.reshape(-1).numpy(), wet)


def rate(settings: Settings, epoch: int) -> float:
    """Return the learning rate: half a cosine in the logarithm, so its end is long."""
    first, last = math.log(settings.learning_rate), math.log(settings.last_learning_rate)
    return math.exp(last + (first - last) * 0.5 * (1 + math.cos(math.pi * epoch / settings.epochs)))


def train(training: Training) -> None:
    """Train until done, no longer better, or Ctrl-C; the best so far is in ``training``."""
    settings = training.settings
    dry, held_out = data.training_audio(), data.validation_audio()
    wet = training.chain.render(held_out)
    with bar(training) as progress:
        while not finished(training):
            started = time.monotonic()
            training.optimiser.param_groups[0]["lr"] = rate(settings, training.epoch)
            mean_loss = learn(training, dry)
            training.epoch += 1
            remember(training, validate(training, held_out, wet))
            training.seconds += time.monotonic() - started
            save(training)
            text = f"loss {mean_loss:.4f}  ESR {training.best_esr:.5f} best"
            progress.update(progress.task_ids[0], completed=training.epoch, description=text)


def bar(training: Training) -> Progress:
    """Return the progress bar, at this training's epoch."""
    columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    progress = Progress(TextColumn("{task.description}"), *columns)
    progress.add_task("", total=training.settings.epochs, completed=training.epoch)
    return progress


def finished(training: Training) -> bool:
    """Tell whether all epochs are done, or the last ``patience`` of them brought nothing."""
    settings = training.settings
    stale = training.epoch - training.best_epoch
    return training.epoch >= settings.epochs or stale >= settings.patience


def remember(training: Training, validation_esr: float) -> None:
    """Keep the network's weights if they are the best so far."""
    if validation_esr < training.best_esr:
        weights = {name: value.clone() for name, value in training.network.state_dict().items()}
        training.best, training.best_esr = weights, validation_esr
        training.best_epoch = training.epoch


# -- checkpoint ---------------------------------------------------------------------------

KEPT = ("epoch", "seconds", "best_esr", "best_epoch", "best")


def checkpoint(settings: Settings) -> Path:
    """Return where this model's training is kept."""
    return Path(settings.checkpoints) / f"{settings.name}.pt"


def save(training: Training) -> None:
    """Write the checkpoint whole or not at all."""
    path = checkpoint(training.settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept: dict[str, Any] = {key: getattr(training, key) for key in KEPT}
    kept["network"] = training.network.state_dict()
    kept["optimiser"] = training.optimiser.state_dict()
    kept["hidden_drive"] = (training.settings.hidden, training.settings.drive_db)
    torch.save(kept, path.with_suffix(".part"))
    os.replace(path.with_suffix(".part"), path)


def resume(training: Training) -> None:
    """Go on from the checkpoint; SystemExit if there is none, or one of another network."""
    path, settings = checkpoint(training.settings), training.settings
    if not path.is_file():
        raise SystemExit(f"{path}: no checkpoint to resume from")
    kept = torch.load(path, weights_only=True)
    if tuple(kept["hidden_drive"]) != (settings.hidden, settings.drive_db):
        raise SystemExit(f"{path}: hidden and drive_db were {kept['hidden_drive']}")
    training.network.load_state_dict(kept["network"])
    training.optimiser.load_state_dict(kept["optimiser"])
    for key in KEPT:
        setattr(training, key, kept[key])


# -- export -------------------------------------------------------------------------------


def finish(training: Training, command: str) -> Artefact:
    """Export the best network so far."""
    settings, network = training.settings, training.network
    assert training.best is not None
    network.load_state_dict(training.best)
    with torch.no_grad():
        played, *_ = network(rows(guitar(SAMPLE_RATE)), *network.silence().values())
    card = describe(training, command, data.rms_db(played.reshape(-1).numpy()))
    return export_json(network, card, Path(settings.folder) / settings.name)


def describe(training: Training, command: str, loudness_db: float) -> Description:
    """Return what the card must tell."""
    settings, chain = training.settings, training.chain
    low, high = data.GAINS
    heard = (
        f"pedalboard of engine.performance.guitar without its last {data.HELD_OUT_BARS} bars,"
        f" sine sweeps and level steps, all at a drifting gain of {low} to {high}"
    )
    return Description(
        name=settings.name,
        about=settings.about,
        architecture=f"LSTM-{settings.hidden}, dense, skip",
        sample_rate=SAMPLE_RATE,
        loudness_db=loudness_db,
        trained={
            "command": command,
            "seconds": round(training.seconds),
            "epochs": training.epoch,
            "data": heard,
            "esr": float(f"{training.best_esr:.3g}"),
            **vars(chain),
        },
    )


# -- command line -------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    """Return the command line: an option for every field of Settings."""
    parser = argparse.ArgumentParser("python -m models.effects.train", description=__doc__)
    for field in fields(Settings):
        option = f"--{field.name.replace('_', '-')}"
        default = field.default
        parser.add_argument(option, type=type(default), default=default, help=f"[{default}]")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    return parser


def command(settings: Settings) -> str:
    """Return the command that repeats a training: what differs from the defaults."""
    words = ["python -m models.effects.train"]
    for field in fields(Settings):
        value = getattr(settings, field.name)
        if value != field.default and field.name not in ("folder", "checkpoints"):
            words.append(f"--{field.name.replace('_', '-')} {shlex.quote(str(value))}")
    return " ".join(words)


def main() -> None:
    """Train as the command line says; Ctrl-C exports the best so far."""
    options = vars(parser().parse_args())
    going_on, settings = options.pop("resume"), Settings(**options)
    torch.set_num_threads(settings.threads)
    training = begin(settings)
    if going_on:
        resume(training)
    try:
        train(training)
    except KeyboardInterrupt:
        if training.best is None:
            raise SystemExit("stopped before the first epoch; nothing to export") from None
    artefact = finish(training, command(settings))
    print(f"{artefact.path}: ESR {training.best_esr:.5f}, {training.seconds:.0f} s")


if __name__ == "__main__":
    main()
