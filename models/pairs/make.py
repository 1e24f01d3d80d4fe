"""Makes a folder of dry sounds to learn an effect from, split for training and judging."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from numpy.random import Generator

from models.pairs import signals
from models.pairs.errors import PairsError
from models.pairs.folders import SOUNDS
from models.pairs.manifest import sha256
from models.pairs.signals import Audio
from models.pairs.sources import LIST
from models.pairs.wav import MOST_BYTES, wav_bytes, write_whole

SHARES = {"notes": 0.25, "guitar": 0.35, "sweeps": 0.15, "steps": 0.1, "noise": 0.15, "music": 0.5}
"""How much of the time each kind gets, of what all that are asked for would have."""
HELD_OUT = (("train", 0.8), ("validation", 0.1), ("test", 0.1))
GUITAR_BARS = {"train": (0, 6), "validation": (6, 7), "test": (7, 8)}
LEAST_S = 2.0
PIECE_S = 10.0


@dataclass(frozen=True)
class Order:
    """What to make. ``kinds`` are names out of SHARES; music needs a folder."""

    minutes: float = 5.0
    rate: int = 48000
    seed: int = 1
    kinds: tuple[str, ...] = ("notes", "guitar", "sweeps", "steps", "noise")
    music: Path | None = None

    def seconds(self) -> dict[str, float]:
        """How long each kind is."""
        total = sum(SHARES[kind] for kind in self.kinds)
        return {kind: 60.0 * self.minutes * SHARES[kind] / total for kind in self.kinds}


@dataclass(frozen=True)
class Made:
    """One file that was made."""

    file: str
    kind: str
    split: str
    frames: int
    sha256: str


def make(out: Path, order: Order, told: Callable[[int, int], None] | None = None) -> list[Made]:
    """Write the sounds to ``out``/dry and their list to ``out``/dry.jsonl; raises PairsError.

    The same order makes the same bytes, and none of its sounds is in two splits.
    """
    _allowed(out, order)
    made: list[Made] = []
    try:
        _write(out, order, made, told or (lambda done, of: None))
    except BaseException:  # Ctrl-C, too: half of the sounds would look like all of them
        for each in made:
            (out / "dry" / each.file).unlink(missing_ok=True)
        for folder in (out / "dry", out):
            with suppress(OSError):
                folder.rmdir()
        raise
    return made


def _write(out: Path, order: Order, made: list[Made], told: Callable[[int, int], None]) -> None:
    lengths = order.seconds()
    for number, (kind, seconds) in enumerate(lengths.items()):
        told(number, len(lengths))
        for split, name, sound in _kind(kind, seconds, order):
            path = out / "dry" / f"{name}.wav"
            write_whole(path, wav_bytes(sound, order.rate))
            made.append(Made(path.name, kind, split, len(sound), sha256(path)))
    lines = "".join(json.dumps(vars(each)) + "\n" for each in made)
    write_whole(out / LIST, lines.encode())
    told(len(lengths), len(lengths))


def _allowed(out: Path, order: Order) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise PairsError(f"{out}: it is there already; dry sounds go into a new folder")
    if unknown := [kind for kind in order.kinds if kind not in SHARES]:
        raise PairsError(f"--kinds {unknown[0]!r} is not known; allowed: {', '.join(SHARES)}")
    if not order.kinds:
        raise PairsError(f"--kinds names nothing; allowed: {', '.join(SHARES)}")
    if ("music" in order.kinds) != (order.music is not None):
        raise PairsError("kind music and --music FOLDER need each other")
    if order.seed < 0:
        raise PairsError(f"--seed {order.seed} is below 0")
    if not 8000 <= order.rate <= 192_000:
        raise PairsError(f"--rate {order.rate} is outside 8000 to 192000")
    if not 0.1 <= order.minutes <= 600.0:
        raise PairsError(f"--minutes {order.minutes:g} is outside 0.1 to 600")
    longest = MOST_BYTES / 4 / order.rate
    if (most := max(order.seconds().values())) > longest:
        raise PairsError(
            f"--minutes {order.minutes:g}: {most / 60.0:.0f} minutes of one kind do not fit into "
            f"a WAV file at {order.rate} Hz, {longest / 60.0:.0f} do"
        )


def _kind(kind: str, seconds: float, order: Order) -> Iterator[tuple[str, str, Audio]]:
    """Split, name and sound of each file of one kind."""
    if kind == "music":
        yield from _music(seconds, order)
        return
    maker = {"notes": _notes, "guitar": _guitar, "sweeps": _sweeps, "steps": _steps}.get(
        kind, _noise
    )
    for part, (split, share) in enumerate(HELD_OUT):
        if kind in ("sweeps", "steps") and split != "train":
            continue  # they identify; music and notes judge
        whole = kind in ("sweeps", "steps")
        frames = round(max(seconds * (1.0 if whole else share), LEAST_S) * order.rate)
        rng = np.random.default_rng([order.seed, list(SHARES).index(kind), part])
        pieces, have = [], 0
        for number in count():
            if have >= frames:
                break
            pieces.append(maker(order.rate, rng, split, number, (frames - have) / order.rate))
            have += len(pieces[-1])
        sound = np.concatenate(pieces)
        yield split, f"{split}-{kind}", sound if whole else sound[:frames]


def _notes(rate: int, rng: Generator, split: str, number: int, left_s: float) -> Audio:
    return signals.notes(rate, rng)


def _guitar(rate: int, rng: Generator, split: str, number: int, left_s: float) -> Audio:
    """The bars of the split: first as they are, then faster or slower, at a wandering level."""
    speed = 1.0 if number == 0 else float(rng.uniform(0.75, 1.3))
    played = signals.bars(rate, *GUITAR_BARS[split], speed)
    return signals.drifting(played, rate, rng, -18.0, 5.0)


def _sweeps(rate: int, rng: Generator, split: str, number: int, left_s: float) -> Audio:
    """Sweeps from loud to soft, each with silence behind it; the last fills the time."""
    length = float(np.clip(left_s, LEAST_S, 12.0))
    peak = (0.5, 0.1, 0.9, 0.02)[number % 4]
    return signals.sweep(rate, 0.6 * length, peak, 0.4 * length)


def _steps(rate: int, rng: Generator, split: str, number: int, left_s: float) -> Audio:
    return signals.steps(rate, rng, float(np.clip(left_s, LEAST_S, 15.0)))


def _noise(rate: int, rng: Generator, split: str, number: int, left_s: float) -> Audio:
    return signals.bursts(rate, rng, float(np.clip(left_s, LEAST_S, PIECE_S)))


def _music(seconds: float, order: Order) -> Iterator[tuple[str, str, Audio]]:
    """Pieces of the sound files of a folder; each file is in one split only."""
    assert order.music is not None
    if not order.music.is_dir():
        raise PairsError(f"{order.music}: there is no such folder of music")
    files = sorted(p for p in order.music.rglob("*") if p.suffix.lower() in SOUNDS)
    if not files:
        raise PairsError(f"{order.music}: no sound file in it; allowed are {', '.join(SOUNDS)}")
    rng = np.random.default_rng([order.seed, list(SHARES).index("music")])
    files = [files[place] for place in rng.permutation(len(files))]
    for split, part in _shared(files):
        share = dict(HELD_OUT)[split]
        frames = round(max(seconds * share, LEAST_S) * order.rate)
        pieces, have = [], 0
        for path in part:
            piece = _piece(path, order.rate, rng, min(frames - have, frames // len(part) + 1))
            pieces.append(piece)
            have += len(piece)
        yield split, f"{split}-music", np.concatenate(pieces)[:frames]


def _shared(files: list[Path]) -> Iterator[tuple[str, list[Path]]]:
    """The files of each split; fewer than three are all for training."""
    if len(files) < 3:
        yield "train", files
        return
    held = max(1, round(0.1 * len(files)))
    yield "train", files[2 * held :]
    yield "validation", files[:held]
    yield "test", files[held : 2 * held]


def _piece(path: Path, rate: int, rng: Generator, frames: int) -> Audio:
    """A piece of a file, both channels mixed, its peak between -18 dB and -1 dB."""
    from engine.soundfiles.reader import read

    sound = read(path, rate).mean(axis=1)
    start = int(rng.integers(max(1, len(sound) - frames)))
    piece = sound[start : start + frames]
    peak = float(np.abs(piece).max(initial=0.0))
    level = 10.0 ** (rng.uniform(-18.0, -1.0) / 20.0)
    return np.asarray(piece * (level / peak if peak > 1e-4 else 1.0), np.float32)
