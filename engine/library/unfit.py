"""Says of what is no model of the library's why it is none, and what to do with it."""

from __future__ import annotations

from pathlib import Path

from engine.artefact import CARD

SCRIPTS = (".pt", ".pts", ".ts", ".torchscript")
ARCHIVE, NETWORK = ".zip", ".onnx"
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


def misplaced(path: Path) -> str:
    """Why what lies in the library's folder, and is not called a model, is not used."""
    if (path / CARD).is_file():
        return f"its card {CARD} cannot be read"
    if path.is_dir():
        return f"is a folder without a card ({CARD}); taraf models add {path}"
    if path.suffix.lower() == ARCHIVE:
        return f"an archive is not read where it lies; taraf models add {path}"
    return unfit(path) or "is no model"


__all__ = ["misplaced", "unfit"]
