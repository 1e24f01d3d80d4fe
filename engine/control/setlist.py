"""A set list: presets in the order they are played, as a TOML file or as names.

name = "Saturday"
presets = ["clean", "crunch", "songs/solo.toml"]    # names, or files beside this one
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from engine import preset

MOST = 64


class SetListError(ValueError):
    """A set list that cannot be used; the message names the file and what is allowed."""


@dataclass(frozen=True)
class SetList:
    """Presets in the order they are played; ``path`` is where it was read, if it was."""

    name: str
    presets: tuple[Path, ...]
    path: Path | None = None


def user_folder() -> Path:
    """Where a player's own set lists are looked for."""
    return Path(platformdirs.user_config_dir("taraf")) / "setlists"


def names() -> dict[str, Path]:
    """A player's set lists by name."""
    folder = user_folder()
    return {p.stem: p for p in sorted(folder.glob("*.toml"))} if folder.is_dir() else {}


def load(name: str) -> SetList:
    """The set list called ``name``, or the file at that path; raises SetListError."""
    path = names().get(name, Path(name))
    try:
        with path.open("rb") as file:
            data = file.read(preset.MAX_BYTES + 1)
        if len(data) > preset.MAX_BYTES:
            raise SetListError(f"{path}: more than {preset.MAX_BYTES >> 20} MiB; it is a text file")
        document = tomllib.loads(data.decode())
    except OSError as error:
        known = ", ".join(names()) or "none"
        raise SetListError(
            f"{path}: {error.strerror or error}; those of yours, in {user_folder()}: {known}"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SetListError(f"{path}: is not TOML: {' '.join(str(error).split())}") from None
    except SetListError:
        raise
    except ValueError as error:  # a name that no file can have
        raise SetListError(f"{name!r}: {error}") from None
    entries = document.get("presets")
    if not isinstance(entries, list) or not entries:
        raise SetListError(f'{path}: has no presets; write presets = ["clean", "crunch"]')
    if len(entries) > MOST:
        raise SetListError(f"{path}: {len(entries)} presets are more than {MOST}")
    return SetList(
        str(document.get("name", path.stem)),
        tuple(_entry(entry, path) for entry in entries),
        path,
    )


def _entry(entry: object, path: Path) -> Path:
    if not isinstance(entry, str) or not entry:
        raise SetListError(f"{path}: presets: {entry!r} is not a preset's name or file")
    beside = path.parent / entry
    try:
        if beside.suffix == ".toml" and beside.exists():
            return beside
        found = preset.find(entry)
        there = found.exists()
    except preset.PresetError as error:
        raise SetListError(f"{path}: presets: {error}") from None
    except OSError as error:
        raise SetListError(f"{path}: presets: {beside}: {error.strerror}") from None
    if not there:
        raise SetListError(f"{path}: presets: {beside}: there is no such file")
    return found
