"""Says of what is no model of the library's why it is none, and what to do with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from engine.artefact import CARD, GOLDEN
from engine.library.place import is_called_a_model

SCRIPTS = (".pt", ".pts", ".ts", ".torchscript")
ARCHIVE, NETWORK = ".zip", ".onnx"
ARRAYS = ".npz"  # what samplers, morphs and drummers are kept in, each in its folder
LITTER = ("desktop.ini", "thumbs.db")  # which Windows leaves in folders


def unfit(path: Path) -> str:
    """Why a file cannot be added, from its name; empty where its content decides."""
    kind = path.suffix.lower()
    if kind in SCRIPTS:
        return "TorchScript plays by its path (--model FILE) and is not kept in the library"
    if kind == NETWORK and (path.parent / CARD).is_file():
        return "ONNX plays by the path of its folder (--model FOLDER), which is not copied"
    if kind == NETWORK:
        return f"a network in ONNX needs its card ({CARD}) beside it"
    return ""


def candidates(folder: Path, locked: Callable[[OSError], None] | None = None) -> Iterator[Path]:
    """Yield what may be models or packs of them in a folder and below it.

    ``locked`` is told of folders that cannot be read.
    """
    for place, folders, files in os.walk(folder, onerror=locked):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted(files) if _may_be_added(name))


def _may_be_added(name: str) -> bool:
    packed = name.lower().endswith(ARCHIVE) and not name.startswith(".")
    return packed or is_called_a_model(name)


def misplaced(path: Path) -> str:
    """Why what lies in the library's folder, and is not called a model, is not used.

    Empty for a folder that is another plugin's: a sampler, a morph, a drummer.
    """
    if (path / CARD).is_file():
        return f"its card {CARD} cannot be read"
    if path.is_dir():
        return _folder(path)
    if path.suffix.lower() == ARCHIVE:
        return f"an archive is not read where it lies; taraf models add {path}"
    if path.suffix.lower() == ARRAYS:
        return "belongs in a folder with its card: samplers, morphs and drummers are folders"
    return unfit(path) or "is no model"


def _folder(path: Path) -> str:
    if any(file.suffix == ARRAYS and file.name != GOLDEN for file in _files(path)):
        return ""
    if next(candidates(path), None):
        return f"is a folder without a card ({CARD}); taraf models add {path}"
    return f"is a folder without a card ({CARD}) and holds no model"


def _files(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


__all__ = ["candidates", "misplaced", "unfit"]
