"""A plugin's file by what a preset calls it: a name among the models, or a path beside it."""

from __future__ import annotations

import os
from pathlib import Path

from engine.library.place import user_models
from engine.library.zoo import shipped_folder
from engine.plugin import PluginError


def named(file: str) -> dict[str, Path]:
    """The files called so in the folders of models, by their folder's name.

    Where one that comes with taraf is called as one of the player's, it is the player's.
    """
    found: dict[str, Path] = {}
    for place in (shipped_folder(), user_models()):
        if place.is_dir():
            found.update({path.parent.name: path for path in sorted(place.glob(f"*/{file}"))})
    return found


def places(name: str, folder: Path) -> tuple[Path, Path]:
    """Where a path may lead for a preset in ``folder``: beside it, or where taraf was started."""
    given = os.path.expanduser(name)
    return folder / given, Path.cwd() / given


def find_file(name: str, folder: Path, file: str, *others: str) -> Path | None:
    """The file that ``name`` means for a preset in ``folder``; None if there is none.

    It is the name of a model, a path to the file, or to a folder with a ``file`` or one of
    ``others`` in it.
    """
    known = named(file)
    if name in known:
        return known[name]
    for place in places(name, folder):
        for path in (place, place / file, *(place / other for other in others)):
            if os.path.isfile(path):  # Path.is_file raises where a name is too long
                return path
    return None


def find_model(name: str, folder: Path, kind: str, file: str, trained: str) -> Path:
    """The ``file``, or a training's ``trained``, that ``name`` means; raises PluginError.

    ``kind`` is what the errors call it: a morph, a sampler.
    """
    if not name:
        raise PluginError(f"model is empty; it is a {kind}'s name, a file, or a training's folder")
    found = find_file(name, folder, file, trained)
    if found is not None:
        return found
    if is_path(name) or name.endswith(Path(file).suffix):
        raise PluginError(f"{name}: {_lacks(name, folder, kind)}")
    there = ", ".join(sorted(named(file))) or "none"
    raise PluginError(
        f"no {kind} is called {name[:60]!r}; there are: {there}; or give a file or a folder"
    )


def _lacks(name: str, folder: Path, kind: str) -> str:
    """What is wrong with a path that leads to no ``kind``, and where it was looked for."""
    if any(map(os.path.isdir, places(name, folder))):
        return f"holds no {kind}"
    if os.path.isabs(os.path.expanduser(name)):
        return f"there is no such {kind}"
    here = Path.cwd()
    beside = "" if folder.absolute() == here else "beside the preset or "
    return f"there is no such {kind}, {beside}in {here}"


def is_path(name: str) -> bool:
    """Whether a name has to be a path."""
    return any(mark in name for mark in "/\\")


__all__ = ["find_file", "find_model", "is_path", "named", "places"]
