"""Where lies what a command sent elsewhere writes, until all of it has come.

A stage is a hidden folder beside the place of a thing. On a machine that has this disk, too, the
command writes in the place itself, so that one sees it grow and a stop keeps it; from all others
the thing comes into the stage first.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Self

from engine.whole import PART, replace_folder
from models.cluster.packing import whole_files

STAGE = f".stage{PART}"


class Stages:
    """Makes stages; they are gone after the block."""

    def __init__(self) -> None:
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stage in self._made:
            shutil.rmtree(stage, ignore_errors=True)

    def beside(self, place: Path) -> Path:
        """Where what belongs at ``place`` is to lie until then."""
        stage = place.with_name(f".{os.urandom(4).hex()}{STAGE}")
        self._made.append(stage)
        return stage / place.name

    def copy(self, folder: Path) -> Path:
        """What a folder holds now, as it will stay whatever is written there."""
        made = self.beside(folder)
        shutil.copytree(folder, made, ignore_dangling_symlinks=True)
        return made


def place_of(path: Path) -> Path:
    """The place itself of what is staged at ``path``; ``path`` where that is in no stage."""
    stage = path.parent
    return stage.parent / path.name if stage.name.endswith(STAGE) else path


def put(staged: Path, place: Path, before: Path | None = None) -> None:
    """Bring what came into a stage to its place; in a folder, what else is there is left.

    What was sent of it, a copy of which is ``before``, and did not come back was removed there.
    """
    if not staged.is_dir():
        os.replace(staged, place)
        return
    came = [file.relative_to(staged) for file in whole_files(staged)]
    for name in came:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        os.replace(staged / name, place / name)
    sent = {file.relative_to(before) for file in whole_files(before)} if before else set()
    for name in sent.difference(came):
        (place / name).unlink(missing_ok=True)


def put_whole(staged: Path, folder: Path) -> None:
    """Bring a folder that came into a stage to its place, instead of the one there."""
    fresh = folder.with_name(f".{os.urandom(4).hex()}{PART}")
    os.replace(staged, fresh)
    replace_folder(fresh, folder)


__all__ = ["STAGE", "Stages", "place_of", "put", "put_whole"]
