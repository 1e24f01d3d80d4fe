"""Finds pairs that would spoil a training, before it begins."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.pairs import folders, manifest, reader
from models.pairs.alignment import misaligned_by
from models.pairs.errors import PairsError
from models.pairs.reader import Audio, Pair, Pairs

SHORTEST_S = 0.1
SILENT = 1e-5  # -100 dBFS
FULL = 0.999
RUN = 4  # samples at full scale in a row: a sine at 1 kHz that just touches it has 3
RUNS = 3
ALLOWED = ("late", "clipped")


@dataclass(frozen=True)
class Fault:
    """Something wrong with a pair. ``line`` names the file and says all."""

    pair: str
    kind: str
    line: str


def checked_pairs(folder: str | Path, allow: Collection[str] = ()) -> Pairs:
    """Open a folder for training; raises PairsError with the first of its faults.

    ``allow`` names what is no fault here: "late", "clipped"; see ``check``.
    """
    found = check(folder, allow)
    if found:
        more = f" ({len(found) - 1} more: taraf pairs check {folder})" if len(found) > 1 else ""
        raise PairsError(found[0].line + more)
    return reader.open_pairs(folder)


def check(
    folder: str | Path,
    allow: Collection[str] = (),
    told: Callable[[int, int], None] | None = None,
) -> list[Fault]:
    """Every fault of a folder of pairs; an empty list if they can be trained on.

    ``allow`` may hold "late": a wet sound may be late as a whole, as of a tape or of a delay
    without a dry path (a manifest whose effect has ``"late": true`` says so, too); and "clipped":
    a converter that clipped is learnt as a part of the effect. Raises PairsError where there are
    no pairs at all.
    """
    if unknown := sorted(set(allow) - set(ALLOWED)):
        raise PairsError(f"{unknown[0]!r} cannot be allowed; only {', '.join(ALLOWED)} can")
    folder = Path(folder)
    late, makers = _pairs(folder)
    told = told or (lambda done, of: None)
    faults: list[Fault] = []
    rates: dict[int, Path] = {}
    for number, (name, make) in enumerate(makers):
        told(number, len(makers))
        try:
            pair = make()
        except PairsError as error:
            faults.append(Fault(name, "files", str(error)))
            continue
        rates.setdefault(pair.sample_rate, pair.dry)
        faults += _faults(pair, {*allow, *late})
    if len(rates) > 1:
        (rate, path), (other, odd) = list(rates.items())[:2]
        line = f"{odd}: it has {other} Hz, {path.name} has {rate} Hz; one rate for all is needed"
        faults.append(Fault(odd.stem, "rates", line))
    if not faults:
        faults += _leaks(reader.open_pairs(folder))
    told(len(makers), len(makers))
    return faults


Makers = list[tuple[str, Callable[[], Pair]]]


def _pairs(folder: Path) -> tuple[tuple[str, ...], Makers]:
    """What the manifest allows, and how to open each pair."""
    if not folder.is_dir():
        reader.open_pairs(folder)  # raises, and says why
    if (folder / manifest.NAME).is_file():
        header, entries = manifest.read(folder)
        if not entries:
            raise PairsError(f"{folder / manifest.NAME}: no pair is listed in it")
        makers: Makers = [
            (entry.id, lambda entry=entry: reader.listed(folder, entry, 0))  # type: ignore[misc]
            for entry in entries
        ]
        return (("late",) if header.effect.get("late") else ()), makers
    return (), [
        (f.name, lambda f=f: reader.pair_of(f.name, f.dry, f.wet, "", f.knobs, 0))  # type: ignore[misc]
        for f in folders.find(folder)[0]
    ]


def _faults(pair: Pair, allow: Collection[str]) -> Iterator[Fault]:
    """What is wrong with one pair; the first thing that makes the rest meaningless ends it."""

    def fault(kind: str, path: Path, said: str) -> Fault:
        return Fault(pair.name, kind, f"{path}: {said}")

    yield from _hashes(pair)
    if pair.frames < SHORTEST_S * pair.sample_rate:
        least = round(SHORTEST_S * pair.sample_rate)
        yield fault("short", pair.dry, f"too short: {pair.frames} frames, at least {least} needed")
        return
    try:
        dry, wet = pair.load()
    except PairsError as error:
        yield Fault(pair.name, "files", str(error))
        return
    for path, sound in ((pair.dry, dry), (pair.wet, wet), (pair.dry, pair.control)):
        if len(bad := np.argwhere(~np.isfinite(sound))):
            said = f"not finite: frame {bad[0][-1]} is {sound[tuple(bad[0])]}"
            yield fault("not finite", path, said)
            return
    silent = [p for p, s in ((pair.dry, dry), (pair.wet, wet)) if np.abs(s).max() < SILENT]
    for path in silent:
        yield fault("silent", path, "silent: nothing in it is above -100 dBFS")
    if silent:
        return
    for path, sound, role in ((pair.dry, dry, "dry"), (pair.wet, wet, "wet")):
        if "clipped" not in allow and (count := clipped(sound, path, role)):
            yield fault("clipped", path, f"clipped: {count} times {RUN} samples or more at its top")
    late = misaligned_by(dry, wet, pair.sample_rate)
    if late < 0.0 or (late > 0.0 and "late" not in allow):
        yield fault("misaligned", pair.wet, _moved(pair, late))


def _moved(pair: Pair, late: float) -> str:
    way = "late" if late > 0 else "early"
    hint = "; --allow late if the effect itself delays and has no dry path" if late > 0 else ""
    frames = round(abs(late) * pair.sample_rate)
    said = f"misaligned: {abs(late):.3f} s ({frames} frames) {way} against {pair.dry.name}"
    return said + hint


def _hashes(pair: Pair) -> Iterator[Fault]:
    if pair.entry is None:
        return
    for path, told in ((pair.dry, pair.entry.sha256_dry), (pair.wet, pair.entry.sha256_wet)):
        if told and manifest.sha256(path) != told:
            line = f"{path}: its sha256 is not the manifest's; the file was changed or is damaged"
            yield Fault(pair.name, "hash", line)


def clipped(sound: Audio, path: Path, role: str) -> int:
    """How many runs of samples lie at full scale, 0 if few enough to be chance.

    A wet file in floating point may reach 1.0 because the effect itself limits there; one in
    whole numbers has lost what went over.
    """
    peak = float(np.abs(sound).max())
    whole_numbers = soundfile.info(path).subtype.startswith("PCM")
    if peak < FULL or (not whole_numbers and (role == "wet" or peak > 1.0)):
        return 0
    at_top = np.abs(sound) >= max(FULL, peak - 2e-5)
    count = sum(length >= RUN for length in _runs(at_top))
    return count if count >= RUNS else 0


def _runs(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The lengths of the runs of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], mask, [False])).astype(np.int8)))
    return np.asarray(edges[1::2] - edges[::2], np.int64)


def _leaks(pairs: Pairs) -> Iterator[Fault]:
    """Dry sound that is heard in training and judged on: the judgement would be worth nothing."""
    heard = {(pair.dry, pair.start) for pair in pairs.split("train")}
    for pair in pairs.pairs:
        if pair.split != "train" and (pair.dry, pair.start) in heard:
            line = f"{pair.dry}: it is in split train and in split {pair.split}"
            yield Fault(pair.name, "leak", line)
            return
