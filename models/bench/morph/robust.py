"""What goes wrong: datasets and files that are none. Each is to be refused with one clear line."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench import Report
from engine.morph.file import write_morph
from engine.morph.grid import GRIDS
from engine.morph.model import CONDITIONS, Dense, MorphModel, Note
from models.bench.morph.telling import say
from models.bench.refusals import Bad, is_clear

RATE = 16_000
PITCHES = (60, 62)
LATENTS = 8


def run(report: Report, seconds: float) -> None:
    """Add a row for datasets and one for files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for told, cases in (
            ("bad datasets", list(datasets(folder))), ("bad files of a morph", list(files(folder))),
        ):  # fmt: skip
            say(f"robust: {len(cases)} {told}")
            clear = sum(is_clear(case, say) for case in cases)
            report.add(f"{told} that give one clear line", clear, f"of {len(cases)}", "all",
                       clear == len(cases))  # fmt: skip


# --- datasets


def datasets(folder: Path) -> Iterator[Bad]:
    """A training is asked for with each."""

    def train(name: str, **more: Any) -> tuple[str, ...]:
        place = dataset(folder / name, **more)
        return ("train", "morph", "--data", str(place), "--steps", "1", "--name", "bad",
                "--runs", str(folder / "runs"), "--out", str(folder))  # fmt: skip

    yield Bad("no folder", train("gone", there=False), ("gone",))
    command = train("missing")
    next((folder / "missing" / "audio").glob("*")).unlink()
    yield Bad("missing audio", command, ("missing",))
    yield Bad("another rate than is told", train("rate", rate=22_050), ("rate", "22050"))
    yield Bad("a rate that is none", train("hertz", told_rate=12), ("hertz", "12"))
    yield Bad("notes of no length", train("empty", seconds=0.0), ("empty",))
    yield Bad("notes too short to hear", train("short", seconds=0.001), ("short",))
    yield Bad("one instrument only", train("alone", instruments=1), ("alone", "instrument"))
    command = train("broken")
    (folder / "broken" / "examples.json").write_text('{"a": {"pitch": 6')
    yield Bad("broken JSON", command, ("examples.json",))
    command = train("list")
    (folder / "list" / "examples.json").write_text("[1, 2]")
    yield Bad("JSON of another kind", command, ("examples.json",))
    yield Bad("a pitch that is none", train("pitch", pitches=(60, 300)), ("pitch", "300"))
    yield Bad("silence", train("silent", level=0.0), ("sounds",))
    command = train("text")
    next((folder / "text" / "audio").glob("*")).write_text("no sound")
    yield Bad("audio that is none", command, ("text",))


def dataset(
    place: Path, instruments: int = 4, pitches: tuple[int, ...] = PITCHES, rate: int = RATE,
    told_rate: int | None = None, seconds: float = 0.5, level: float = 0.3, there: bool = True,
) -> Path:  # fmt: skip
    """A small one of tones, with whatever is wrong in it."""
    import soundfile

    if not there:
        return place
    (place / "audio").mkdir(parents=True)
    examples: dict[str, dict[str, Any]] = {}
    time = np.arange(round(seconds * rate)) / rate
    for number in range(instruments):
        for pitch in pitches:
            name = f"flute_acoustic_{number:03d}-{pitch:03d}-075"
            hertz = 440.0 * 2.0 ** ((min(pitch, 100) - 69) / 12.0)
            tone = level * np.sin(2.0 * np.pi * hertz * time) * (1 + number) / 4.0
            soundfile.write(place / "audio" / f"{name}.wav", tone, rate)
            examples[name] = {
                "note_str": name, "instrument_str": f"flute_acoustic_{number:03d}",
                "instrument": number, "pitch": pitch, "velocity": 75,
                "sample_rate": told_rate or RATE, "instrument_family_str": "flute",
                "instrument_family": 2, "instrument_source_str": "acoustic",
                "instrument_source": 0,
            }  # fmt: skip
    (place / "examples.json").write_text(json.dumps(examples))
    return place


# --- files


def files(folder: Path) -> Iterator[Bad]:
    """Each is asked what is in it."""

    def show(name: str, data: bytes | None = None) -> Bad:
        path = folder / name
        if data is not None:
            path.write_bytes(data)
        return Bad(name, ("morph", "show", str(path)), (name,))

    whole = folder / "whole.npz"
    write_morph(whole, small())
    data = whole.read_bytes()
    yield show("gone.npz")
    yield show("empty.npz", b"")
    yield show("text.npz", b"this is no morph\n")
    yield show("half.npz", data[: len(data) // 2])
    yield show("cut.npz", data[:-100])
    flipped = bytearray(data)
    for at in range(len(data) // 3, len(data) // 3 + 64):
        flipped[at] ^= 0xFF
    yield show("flipped.npz", bytes(flipped))
    foreign = folder / "foreign.npz"
    np.savez(foreign, weights=np.zeros(3))
    yield show("foreign.npz")
    members = dict(np.load(whole, allow_pickle=False))
    for name, change in {
        "oversized.npz": _grown, "infinite.npz": _infinite, "lacking.npz": _lacking,
    }.items():  # fmt: skip
        np.savez(folder / name, **change(dict(members)))
        yield show(name)


def _largest(members: dict[str, Any]) -> str:
    return max(members, key=lambda name: members[name].size)


def _grown(members: dict[str, Any]) -> dict[str, Any]:
    """A matrix of half a gigabyte, whose numbers are all 0 and whose file is small."""
    members[_largest(members)] = np.zeros((1 << 13, 1 << 14), np.float32)
    return members


def _infinite(members: dict[str, Any]) -> dict[str, Any]:
    name = next(n for n in members if members[n].dtype == np.float32 and members[n].ndim == 2)
    members[name] = np.full_like(members[name], np.inf)
    return members


def _lacking(members: dict[str, Any]) -> dict[str, Any]:
    del members[_largest(members)]
    return members


def small() -> MorphModel:
    """A morph with weights by chance, of one note."""
    rng, grid = np.random.default_rng(1), GRIDS["live"]
    more = CONDITIONS["notes"]

    def layer(units: int, inputs: int, curve: str) -> Dense:
        kernel = rng.normal(0.0, 0.05, (units, inputs)).astype(np.float32)
        return Dense(kernel, np.zeros(units, np.float32), curve)

    path = rng.integers(0, 255, (40, LATENTS)).astype(np.uint8)
    note = Note("flute_acoustic_000-060-075", "flute", 60, 75, path, np.zeros(40, np.float16), 2,
                10, 20, 30)  # fmt: skip
    encoder = (layer(LATENTS, grid.bins + more, "sigmoid"),)
    decoder = (layer(grid.bins, LATENTS + more, "none"),)
    return MorphModel(grid, LATENTS, "notes", encoder, decoder, (note,))


__all__ = ["dataset", "datasets", "files", "run", "small"]
