"""Where plug-ins are installed, and which file of a bundle tells that it has changed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import platformdirs

from engine.whole import write_whole
from plugins.vst.errors import VstError

SUFFIXES = (".vst3", ".component") if sys.platform == "darwin" else (".vst3",)
DEEPEST = 6  # folders below a standard one: makers sort theirs by name and kind
Stamp = tuple[int, int]
"""When the newest binary of a bundle was changed (ns), and the size of all of them (bytes)."""


def standard() -> list[Path]:
    """The folders that hosts look into on this system, those named by VST3_PATH first."""
    named = [Path(one) for one in os.environ.get("VST3_PATH", "").split(os.pathsep) if one]
    return list(dict.fromkeys([*named, *_system()]))


def _system() -> Iterator[Path]:
    home = Path.home()
    if sys.platform == "darwin":
        for root in (home, Path("/")):
            yield root / "Library/Audio/Plug-Ins/VST3"
            yield root / "Library/Audio/Plug-Ins/Components"
    elif sys.platform == "win32":
        yield Path(os.environ.get("LOCALAPPDATA", home)) / "Programs/Common/VST3"
        yield Path(os.environ.get("COMMONPROGRAMFILES", r"C:\Program Files\Common Files")) / "VST3"
    else:
        yield home / ".vst3"
        yield from (Path("/usr/lib/vst3"), Path("/usr/local/lib/vst3"))


def bundles(places: Iterable[Path]) -> list[Path]:
    """Every plug-in bundle or file in ``places``; a place may be one itself."""
    found: dict[Path, None] = {}
    seen: set[str] = set()
    for place in places:
        path = Path(os.path.abspath(place.expanduser()))
        found.update(dict.fromkeys(_below(path, DEEPEST, seen)))
    return list(found)


def _below(path: Path, deepest: int, seen: set[str]) -> Iterator[Path]:
    """``seen`` are the folders looked into: links lead to some again, or in a circle."""
    if path.suffix.lower() in SUFFIXES:
        if os.path.exists(path):
            yield path
        return
    real = os.path.realpath(path)
    if not deepest or real in seen or not os.path.isdir(path):
        return
    seen.add(real)
    try:
        inside = sorted(path.iterdir())
    except OSError:
        return
    for one in inside:
        yield from _below(one, deepest - 1, seen)


def stamp(path: Path) -> Stamp:
    """What changes when a plug-in is installed anew; raises OSError where there is none."""
    if not path.is_dir():
        about = path.stat()
        return about.st_mtime_ns, about.st_size
    files = [one.stat() for one in path.glob("Contents/*/*") if one.is_file()]
    if not files:
        return path.stat().st_mtime_ns, 0
    return max(one.st_mtime_ns for one in files), sum(one.st_size for one in files)


def cache() -> Path:
    """Where scans are kept; the environment variable TARAF_VST_CACHE moves it."""
    given = os.environ.get("TARAF_VST_CACHE")
    return Path(given) if given else Path(platformdirs.user_cache_dir("taraf")) / "vst"


def located(folder: Path, name: str) -> Path:
    """The file that a preset in ``folder`` names, which may not be there; raises VstError."""
    try:
        path = Path(os.path.abspath(folder / Path(name).expanduser()))
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:  # a name too long, nobody's home
        raise VstError(f"{name!r} names no file: {getattr(error, 'strerror', error)}") from None
    return path


def keep(file: Path, text: str) -> None:
    """Write a file of the cache, whole or not at all; raises VstError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(file, text.encode())
    except OSError as error:
        raise VstError(f"{file}: cannot be written: {error.strerror or error}") from None


__all__ = ["Stamp", "bundles", "cache", "keep", "located", "stamp", "standard"]
