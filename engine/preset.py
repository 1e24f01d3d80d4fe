"""Presets: racks as TOML files, shipped ones and a player's own; the text is ``racktext``."""

from __future__ import annotations

import difflib
import itertools
import re
from dataclasses import replace
from pathlib import Path

import platformdirs

from engine.rack import Link, Rack
from engine.racktext import Loaded, PresetError, dump, parse
from engine.whole import write_whole

MAX_BYTES = 1 << 20


def user_folder() -> Path:
    """Where a player's own presets are looked for."""
    return Path(platformdirs.user_config_dir("taraf")) / "presets"


def shipped_folder() -> Path:
    """Where the presets that come with taraf are."""
    return Path(__file__).parents[1] / "presets"


def names() -> dict[str, Path]:
    """Every preset by name; a player's own hides a shipped one of that name."""
    found = {}
    for folder in (shipped_folder(), user_folder()):
        if folder.is_dir():
            found.update({path.stem: path for path in sorted(folder.glob("*.toml"))})
    return found


def find(name: str) -> Path:
    """The file of the preset called ``name``, or the file at that path."""
    path = Path(name)
    if name in names():
        return names()[name]
    if name and (path.suffix == ".toml" or len(path.parts) > 1 or _there(path)):
        return path
    near = difflib.get_close_matches(name, names(), n=3, cutoff=0.5)
    hint = f"near to it: {', '.join(near)}" if near else f"there are {', '.join(names()) or 'none'}"
    raise PresetError(f"no preset is called {name!r}; {hint}")


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # no file could have that name
        return False


def load(path: Path) -> Loaded:
    """Read a preset; raises PresetError. Unknown parameters and keys only warn."""
    try:
        if path.is_dir():
            raise PresetError(f"{path}: is a folder; a preset is a .toml file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise PresetError(f"{path}: {error.strerror or error}") from None
    except PresetError:
        raise
    except ValueError as error:  # a name that no file can have
        raise PresetError(f"{str(path)!r}: {error}") from None
    if len(data) > MAX_BYTES:
        raise PresetError(f"{path}: more than {MAX_BYTES >> 20} MiB; a preset is a small text file")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise PresetError(f"{path}: is not text; a preset is a TOML file") from None
    return parse(text, str(path), path.parent)


def own_file(name: str, path: Path | None) -> Path:
    """Where the preset that was read from ``path`` is saved: no other one's file.

    Where it came from, if that is the player's; otherwise a file that is not there yet.
    """
    if path is not None and path.absolute().is_relative_to(user_folder().absolute()):
        return path
    first = _named(name)
    more = (first.with_stem(f"{first.stem}-{number}") for number in itertools.count(2))
    return next(file for file in itertools.chain([first], more) if not file.exists())


def _named(name: str) -> Path:
    """The file of the player's own preset called ``name``."""
    stem = re.sub(r"[^\w-]+", "-", name.lower()).strip("-")[:32] or "mine"
    if stem in ("con", "prn", "aux", "nul"):  # devices on Windows
        stem += "-"
    return user_folder() / f"{stem}.toml"


def save(rack: Rack, path: Path | None = None) -> Path:
    """Write ``rack`` into the player's own folder, whole or not at all; returns where.

    Into the file of its name, unless ``path`` is given. Files beside the preset it came from stay
    there, and are named in full.
    """
    path = path or _named(rack.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, dump(_in_full(rack, path.parent)).encode())
    except OSError as error:
        raise PresetError(f"{path}: cannot be written: {error.strerror or error}") from None
    return path


def _in_full(rack: Rack, folder: Path) -> Rack:
    """The rack with its files named so that a preset in ``folder`` finds them."""
    if rack.folder.absolute() == folder.absolute():
        return rack

    def moved(link: Link) -> Link:
        settings = dict(link.settings)
        for name, value in settings.items():
            beside = (rack.folder / str(value)).absolute()
            kind = link.plugin.settings[name].kind
            if kind in ("file", "model") and value and beside.exists():
                settings[name] = str(beside)
        return replace(link, settings=settings)

    return replace(
        rack,
        lanes=tuple(replace(lane, chain=tuple(map(moved, lane.chain))) for lane in rack.lanes),
        master=tuple(map(moved, rack.master)),
    )


__all__ = [
    "MAX_BYTES",
    "Loaded",
    "PresetError",
    "dump",
    "find",
    "load",
    "names",
    "own_file",
    "parse",
    "save",
    "shipped_folder",
    "user_folder",
]
