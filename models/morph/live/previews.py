"""What a training sounds like so far: held-out notes as the network makes them, and a morph.

In the run's folder, each written whole and over the one before: ``preview.wav`` has two held-out
notes, each as recorded and as made, then a morph from one to the other; ``preview.png`` shows it.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from engine.morph.errors import MorphError
from engine.morph.grid import FLOOR_DB, Array, Grid, from_db, from_unit, magnitudes, to_db
from engine.morph.model import Note, conditions_of
from engine.morph.phase import phased
from engine.whole import whole, write_whole
from models.morph.live.export import exported
from models.morph.live.material import Readable
from models.morph.live.network import MorphNetwork
from models.morph.live.settings import Job
from models.morph.live.stored import stored

SOUND, PICTURE = "preview.wav", "preview.png"
SECONDS, FADE_S, PAUSE_S, MORPH_S = 2.0, 0.02, 0.25, 3.0
PITCH, VELOCITY = 60, 100  # nearest to which ends are chosen
PEAK = 0.5


@dataclass(frozen=True)
class Ends:
    """Notes of one held-out instrument or two, and their sounds."""

    notes: tuple[Readable, ...]
    sounds: tuple[Array, ...]


def ends_of(notes: Iterable[Readable]) -> Ends | None:
    """Of the first and the last instrument that sounds the note nearest to the middle; None of
    silence."""
    nearest: dict[str, Readable] = {}
    for note in notes:
        known = nearest.setdefault(note.instrument, note)
        if _aside(note) < _aside(known):
            nearest[note.instrument] = note
    heard = [(note, sound) for note in nearest.values() if (sound := _cut(note.sound())).any()]
    chosen = [heard[0], heard[-1]] if len(heard) > 1 else heard
    return Ends(tuple(n for n, _ in chosen), tuple(s for _, s in chosen)) if chosen else None


def write_previews(folder: Path, network: MorphNetwork, job: Job, ends: Ends) -> None:
    """Write both files; MorphError, one line, if they cannot be."""
    network.eval()
    model = exported(network, job)
    paths = [
        stored(model, note, sound, rounds=0)  # as the encoder alone hears it: often, and at once
        for note, sound in zip(ends.notes, ends.sounds, strict=True)
    ]
    parts = {}
    for end, sound, path in zip(ends.notes, ends.sounds, paths, strict=True):
        parts[end.instrument] = sound
        parts[f"{end.instrument}, made"] = played(network, job, path)
    if len(paths) > 1:
        parts["morph"] = morphed(network, job, paths[0], paths[1])
    parts = {name: _levelled(sound) for name, sound in parts.items()}
    pause = np.zeros(round(PAUSE_S * job.frame_grid.rate), np.float32)
    row = np.concatenate([piece for sound in parts.values() for piece in (sound, pause)])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole(folder / SOUND, sync=False) as part:
            soundfile.write(part, row, job.frame_grid.rate, "PCM_16", format="WAV")
        write_whole(folder / PICTURE, _picture(parts, job.frame_grid))
    except OSError as error:
        raise MorphError(f"{folder}: cannot be written: {error.strerror or error}") from None


def played(network: MorphNetwork, job: Job, note: Note) -> Array:
    """A stored note as sound (samples,)."""
    return _phased(job.frame_grid, _decoded(network, job, note.path, note), _gain(note))


def morphed(network: MorphNetwork, job: Job, first: Note, last: Note) -> Array:
    """From one note's latents to another's on a straight line, both in the middle of what is held,
    at the first one's pitch and loudness (samples,)."""
    frames = round(MORPH_S * job.frame_grid.rate / job.frame_grid.hop)
    a, b = (note.path[_middle(note)] for note in (first, last))
    share = np.linspace(0.0, 1.0, frames, dtype=np.float32)[:, None]
    gain = np.full(frames, _gain(first)[_middle(first)], np.float32)
    return _phased(job.frame_grid, _decoded(network, job, a + share * (b - a), first), gain)


def _gain(note: Note) -> Array:
    return note.gain_db.astype(np.float32)


def _middle(note: Note) -> int:
    return min((note.attack + note.release) // 2, note.frames - 1)


@torch.no_grad()  # type: ignore[untyped-decorator]
def _decoded(network: MorphNetwork, job: Job, path: Array, note: Note) -> Array:
    device = next(network.parameters()).device
    told = torch.from_numpy(conditions_of(note.pitch, note.velocity, job.conditions)).to(device)
    rows = torch.from_numpy(np.ascontiguousarray(path)).to(device)
    return from_unit(network.decode(rows, told.expand(len(rows), -1)).cpu().numpy())


def _phased(grid: Grid, levels: Array, gain_db: Array) -> Array:
    found = from_db(levels) * from_db(gain_db)[:, None]
    return phased(found, grid)[grid.lead :]


def _aside(note: Readable) -> tuple[int, int]:
    return abs(note.pitch - PITCH), abs(note.velocity - VELOCITY)


def _cut(sound: Array) -> Array:
    from models.morph.notes.note import RATE

    made = np.array(sound[: round(SECONDS * RATE)], np.float32)
    fade = np.linspace(1.0, 0.0, min(round(FADE_S * RATE), len(made)), dtype=np.float32)
    made[len(made) - len(fade) :] *= fade
    return made


def _levelled(sound: Array) -> Array:
    most = float(np.abs(sound).max(initial=0.0))
    return sound * np.float32(PEAK / most) if most > 0.0 else sound


def _picture(parts: dict[str, Array], grid: Grid) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.4 * len(parts), 2.6), layout="constrained")
    FigureCanvasAgg(figure)  # type: ignore[no-untyped-call]
    axes = figure.subplots(1, len(parts), sharey=True, squeeze=False)[0]
    for axis, (name, sound) in zip(axes, parts.items(), strict=True):
        levels, _ = to_db(magnitudes(sound, grid))
        extent = (0.0, len(sound) / grid.rate, 0.0, grid.rate / 2000.0)
        shown = {"origin": "lower", "aspect": "auto", "extent": extent, "vmin": FLOOR_DB}
        axis.imshow(levels.T, cmap="magma", **shown)
        axis.set_title(name, fontsize=7)
        axis.set_xlabel("s")
    axes[0].set_ylabel("kHz")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=90)
    return out.getvalue()


__all__ = ["PICTURE", "SOUND", "Ends", "ends_of", "morphed", "played", "write_previews"]
