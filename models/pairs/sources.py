"""The dry sounds that are rendered or played: a file, any folder, or what `make` wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from models.pairs import manifest
from models.pairs.errors import PairsError
from models.pairs.folders import SOUNDS, sounds
from models.pairs.manifest import SPLITS
from models.pairs.stages import Audio
from models.pairs.wav import wav_bytes, write_whole

LIST = "dry.jsonl"  # a line for each dry file: {"file", "kind", "split", "frames", "sha256"}


@dataclass(frozen=True)
class Source:
    """One dry sound file in the folder of the pairs; ``split`` is "" where none is given."""

    name: str
    file: str
    split: str
    frames: int
    rate: int
    sha256: str


def gather(dry: Path, out: Path) -> list[Source]:
    """Bring the dry sounds to ``out``/dry, one channel of 32-bit float each; raises PairsError."""
    found = _files(dry)
    splits = _splits(dry)
    sources: dict[str, Source] = {}
    for path in found:
        name = path.stem
        if name in sources:
            raise PairsError(f"{path}: another file is called {name}, too")
        sources[name] = _bring(path, out / "dry" / f"{name}.wav", splits.get(path.name, ""))
    rates = {source.rate for source in sources.values()}
    if len(rates) > 1:
        odd = next(s for s in sources.values() if s.rate != sources[found[0].stem].rate)
        raise PairsError(
            f"{odd.name}: it has {odd.rate} Hz, {found[0].name} has "
            f"{sources[found[0].stem].rate} Hz; one rate for all is needed"
        )
    return list(sources.values())


def _files(dry: Path) -> list[Path]:
    if dry.is_file():
        return [dry]
    if not dry.is_dir():
        raise PairsError(f"{dry}: there is no such file or folder")
    folder = dry / "dry" if (dry / "dry").is_dir() else dry
    found = sounds(folder)
    if not found:
        raise PairsError(f"{folder}: no sound file in it; allowed are {', '.join(SOUNDS)}")
    return found


def _splits(dry: Path) -> dict[str, str]:
    """The split of each file that a list beside the folder tells."""
    path = dry / LIST
    if not path.is_file():
        return {}
    splits = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found = json.loads(line)
            name, split = str(found["file"]), found.get("split", "")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise PairsError(f'{path}: line {number} is not {{"file", "split"}}') from None
        if split not in ("", *SPLITS):
            raise PairsError(f"{path}: line {number}: split = {split!r} is not known")
        splits[name] = split
    return splits


def _bring(path: Path, target: Path, split: str) -> Source:
    sound, rate = load(path)
    content = wav_bytes(sound, rate)
    if not target.is_file() or target.read_bytes() != content:
        write_whole(target, content)
    return Source(
        target.stem, f"dry/{target.name}", split, len(sound), rate, manifest.sha256(target)
    )


def load(path: Path) -> tuple[Audio, int]:
    """The first channel of a dry file and its rate; raises PairsError if it is of no use."""
    try:
        sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError):
        raise PairsError(f"{path}: it is no sound file that can be read") from None
    first: Audio = np.ascontiguousarray(sound[:, 0])
    if not len(first):
        raise PairsError(f"{path}: there is no sound in it")
    if not np.all(np.isfinite(first)):
        raise PairsError(f"{path}: some samples are not finite")
    return first, rate
