"""taraf sampler dream: sound from a network that has learnt, without training."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from engine.sampler.model import SamplerModel
    from models.sampler.sound import Sound


def dream(
    model: Annotated[
        str, typer.Argument(help="A sampler's name, its file, or the folder that a training left.")
    ],
    out: Annotated[Path, typer.Option(help="Where the sound goes: wav, flac, ogg or mp3.")],
    seed: Annotated[
        Path | None,
        typer.Option(help="What it goes on from, any sound; its own recording unless given."),
    ] = None,
    at: Annotated[
        float | None,
        typer.Option(min=0.0, help="Seconds into the seed; a random place unless given."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.01, max=36_000.0, help="To be made.")] = 10.0,
    number: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="The same makes the same.")] = 1,
    temperature: Annotated[
        float, typer.Option(min=0.0, max=10.0, help="Chance: 0 is none, 1 is as it was trained.")
    ] = 1.0,
    dropout: Annotated[
        bool, typer.Option(help="Drop connections at random, as in training.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Dream on from a seed: the network's own recording, a place in it, or any other sound.

    Example: taraf sampler dream runs/sampler/clair-spectrum --seconds 60 --out dream.wav
    """
    from engine.sampler.file import read_sampler
    from engine.sampler.finding import find_sampler
    from engine.soundfiles import SoundWriter

    file = find_sampler(model, Path.cwd())
    opened = read_sampler(file)
    place = seed if seed is not None else _own(file, opened)
    heard, begins = _seed(place, opened, at, number)
    from models.sampler.previews import dreamt

    with SoundWriter(out, opened.rate, 1) as writer:  # what cannot be written is told before work
        began = time.perf_counter()
        made = dreamt(opened, heard, seconds, number, temperature, dropout)
        took = time.perf_counter() - began
        writer.write(made[:, None])
    told = {
        "out": str(out), "seconds": round(len(made) / opened.rate, 3), "rate": opened.rate,
        "model": str(file), "approach": opened.approach, "seed": str(place),
        "seed_at": round(begins, 3), "number": number, "temperature": temperature,
        "dropout": dropout, "took": round(took, 3),
        "times_real_time": round(len(made) / opened.rate / max(took, 1e-9), 2),
    }  # fmt: skip
    if as_json:
        typer.echo(json.dumps(told))
    else:
        typer.echo(
            f"{out}: {told['seconds']} s from {place} at {begins:.2f} s, "
            f"{told['times_real_time']} times real time"
        )


def _own(file: Path, model: SamplerModel) -> Path:
    """The recording a model has learnt: kept beside it, or where its job says."""
    from engine.sampler.errors import SamplerError

    beside = file.parent / "source.wav"
    if beside.is_file():
        return beside
    source = Path(str(model.job.get("source", "")))
    if source.name and source.is_file():
        return source
    raise SamplerError(f"{file}: its own recording is not there any more; give one with --seed")


def _seed(place: Path, model: SamplerModel, at: float | None, number: int) -> tuple[Sound, float]:
    """The seed at the model's rate, and where in its file it begins, in seconds."""
    import numpy as np

    from engine.sampler.errors import SamplerError
    from models.sampler.previews import SEED_S
    from models.sampler.sound import check_heard, mono

    sound = mono(place, model.rate)
    check_heard(place, sound)
    length = min(len(sound), round(SEED_S * model.rate))
    last = len(sound) - length
    if at is None:
        start = int(np.random.default_rng((number, 5)).integers(0, last + 1))
    else:
        start = round(at * model.rate)
        if start >= len(sound):
            lasts = f"it lasts {len(sound) / model.rate:.2f} s"
            raise SamplerError(f"--at {at:g} is behind the end of {place}; {lasts}")
    return sound[start : start + length], start / model.rate


__all__ = ["dream"]
