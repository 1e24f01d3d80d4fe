"""Where a sampler's name leads: a file, a training's folder, the player's own, what is shipped."""

from __future__ import annotations

from pathlib import Path

from engine.library.beside import find_model

SHIPPED, TRAINED = "sampler.npz", "best.npz"
"""The model in a folder of the zoo, and in that of a training, which goes on writing it."""


def find_sampler(name: str, folder: Path) -> Path:
    """The file that ``name`` means for a preset in ``folder``; raises PluginError.

    What is a path is looked for beside the preset, then where taraf was started.
    """
    return find_model(name, folder, "sampler", SHIPPED, TRAINED)


__all__ = ["SHIPPED", "TRAINED", "find_sampler"]
