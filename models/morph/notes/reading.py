"""Datasets in NSynth's layout, from disk: every fault is one line that names the file.

    nsynth/nsynth-train/examples.json      NSynth as it is unpacked: three folders,
    nsynth/nsynth-train/audio/NOTE.wav     nsynth-train, nsynth-valid and nsynth-test

or one folder with examples.json and audio/, whose instruments are split here, unless each note
says its "split" (train, valid or test), as ours do. Source of the layout: Engel et al. 2017,
https://magenta.tensorflow.org/datasets/nsynth
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.morph.errors import MorphError
from models.morph.notes.note import RATES, SPLITS, Note, Notes, Split
from models.morph.notes.splits import by_instrument, leaks

EXAMPLES, AUDIO, ORDER = "examples.json", "audio", "rendering.json"
SUFFIXES = (".wav", ".flac")
_WORDS = ("instrument_str", "instrument_family_str", "instrument_source_str")
_NUMBERS = {
    "pitch": range(128), "velocity": range(128), "sample_rate": RATES,
}  # fmt: skip
SHOWN = 3


def read_notes(folder: Path) -> Notes:
    """The notes of a dataset, their instruments split; raises MorphError.

    All that examples.json says is checked, that each note's sound is there, and the head of one
    sound of each instrument; the others are checked when they are heard, or by ``check``.
    """
    sets = _sets(Path(folder))
    if None in sets:
        notes, warnings = _split_here(_read(sets[None]), folder)
    else:
        notes, warnings = _split_by_folder(
            {split: _read(place) for split, place in sets.items() if split}, folder
        )
    seen = {note.instrument: note for note in reversed(notes)}
    for note in seen.values():
        note.check()
    return Notes(tuple(notes), Path(folder), tuple(warnings))


def _sets(folder: Path) -> dict[Split | None, Path]:
    """Where examples.json lies: of everything (None), or of each split."""
    if not folder.is_dir():
        told = "is no folder" if folder.exists() else "there is no such folder"
        raise MorphError(f"{folder}: {told}; a dataset holds {EXAMPLES} and {AUDIO}")
    if (folder / EXAMPLES).exists():
        return {None: folder}
    if (folder / ORDER).exists():
        raise MorphError(f"{folder}: is not rendered to its end; the same command goes on")
    found: dict[Split | None, Path] = {}
    for split in SPLITS:
        for name in (split, f"nsynth-{split}"):
            if (folder / name / EXAMPLES).exists():
                found[split] = folder / name
    if not found:
        told = f"holds neither {EXAMPLES} nor nsynth-train, nsynth-valid and nsynth-test with one"
        raise MorphError(f"{folder}: {told}")
    if "train" not in found:
        raise MorphError(
            f"{folder}: holds {' and '.join(str(split) for split in found)} and nothing to learn "
            f"from; name one folder with an {EXAMPLES} to have it split by instrument"
        )
    return found


def _split_here(given: dict[str, tuple[Note, bool]], folder: Path) -> tuple[list[Note], list[str]]:
    """Notes of one folder: as they say themselves, or by instrument."""
    notes = [note for note, _ in given.values()]
    told = sum(said for _, said in given.values())
    if 0 < told < len(notes):
        silent = next(note.name for note, said in given.values() if not said)
        raise MorphError(
            f"{folder / EXAMPLES}: {silent} has no split, but {told} notes have; all or none do"
        )
    if told:
        return _checked(notes, folder)
    families = {note.instrument: note.family for note in notes}
    try:
        splits = by_instrument(families)
    except MorphError as error:
        raise MorphError(f"{folder}: {error}") from None
    return _checked([replace(note, split=splits[note.instrument]) for note in notes], folder)


def _split_by_folder(
    given: dict[Split, dict[str, tuple[Note, bool]]], folder: Path
) -> tuple[list[Note], list[str]]:
    if list(given) == ["train"]:
        return _split_here({k: (note, False) for k, (note, _) in given["train"].items()}, folder)
    return _checked(
        [replace(note, split=split) for split in given for note, _ in given[split].values()], folder
    )


def _checked(notes: list[Note], folder: Path) -> tuple[list[Note], list[str]]:
    """Refuse instruments that are learnt and held out; warn where validation and test share."""
    splits: dict[str, set[str]] = {}
    for note in notes:
        splits.setdefault(note.instrument, set()).add(note.split)
    if learnt := leaks(splits):
        raise MorphError(
            f"{folder}: {_some(learnt)} in train and in another split; an instrument is held out "
            "with all its notes, or its other velocities are learnt by heart"
        )
    there = {note.split for note in notes}
    if "train" not in there or len(there) == 1:
        held = "notes to learn from and notes of other instruments to judge by are needed"
        raise MorphError(f"{folder}: all notes are of the split {there.pop()}; {held}")
    warnings = [
        f"no {split} set: the {other} set serves as both"
        for split, other in (("valid", "test"), ("test", "valid"))
        if split not in there
    ]
    if both := [name for name, found in splits.items() if len(found) > 1]:
        warnings.append(f"{_some(both)} in valid and in test: the best by one is fit to the other")
    return notes, warnings


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more are" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + (more or (" is" if len(names) == 1 else " are"))


def _read(folder: Path) -> dict[str, tuple[Note, bool]]:
    """The notes of one examples.json by name, and whether each says its split."""
    rows = _rows(folder / EXAMPLES)
    sounds = _sounds(folder / AUDIO)
    if missing := [name for name in rows if name not in sounds]:
        more = f", as {len(missing) - 1} more are" if len(missing) > 1 else ""
        raise MorphError(
            f"{folder / AUDIO / missing[0]}.wav: is missing{more}; {EXAMPLES} names {len(rows)} "
            "notes (.wav or .flac)"
        )
    path = folder / EXAMPLES
    return {
        name: (_note(path, name, row, sounds[name]), "split" in row) for name, row in rows.items()
    }


def _rows(path: Path) -> dict[str, Mapping[str, Any]]:
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MorphError(f"{path}: {error.strerror or error}") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MorphError(f"{path}: is broken JSON at {where}: {error.msg}") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise MorphError(f"{path}: is no JSON: {' '.join(str(error).split())[:100]}") from None
    if not isinstance(given, dict):
        raise MorphError(f"{path}: is a JSON {type(given).__name__}; an object of notes is wanted")
    if not given:
        raise MorphError(f"{path}: holds no notes")
    for name, row in given.items():
        if not isinstance(row, dict):
            raise MorphError(f"{path}: {name!r} is no object with pitch, velocity and instrument")
    return {_name(path, str(row.get("note_str", name))): row for name, row in given.items()}


def _name(path: Path, name: str) -> str:
    if not name or "/" in name or "\\" in name or "\0" in name or name.startswith("."):
        raise MorphError(f"{path}: note_str {name!r} is no name of a file")
    return name


def _sounds(folder: Path) -> dict[str, Path]:
    """The sounds of a folder by name; .wav before .flac."""
    try:
        names = sorted(os.listdir(folder))  # flac before wav, which then replaces it
    except OSError as error:
        raise MorphError(f"{folder}: {error.strerror or error}") from None
    paths = (folder / name for name in names)
    return {path.stem: path for path in paths if path.suffix.lower() in SUFFIXES}


def _note(path: Path, name: str, row: Mapping[str, Any], sound: Path) -> Note:
    for key in _WORDS:
        if not isinstance(row.get(key), str) or not row[key]:
            raise MorphError(f"{path}: {name}: {key} = {_shown(row, key)}; a name is wanted")
    for key, allowed in _NUMBERS.items():
        value = row.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or value not in allowed:
            span = f"a whole number from {allowed[0]} to {allowed[-1]}"
            raise MorphError(f"{path}: {name}: {key} = {_shown(row, key)}; it is {span}")
    split = row.get("split", "train")
    if split not in SPLITS:
        allowed_splits = ", ".join(SPLITS)
        raise MorphError(f"{path}: {name}: split = {split!r} is none of {allowed_splits}")
    title = row.get("title", "")
    if not isinstance(title, str):
        raise MorphError(f"{path}: {name}: title = {_shown(row, 'title')}; a name is wanted")
    return Note(
        name, row["instrument_str"], row["instrument_family_str"], row["instrument_source_str"],
        row["pitch"], row["velocity"], split, sound, row["sample_rate"], title,
    )  # fmt: skip


def _shown(row: Mapping[str, Any], key: str) -> str:
    return repr(row[key])[:40] if key in row else "nothing"


__all__ = ["AUDIO", "EXAMPLES", "ORDER", "read_notes"]
