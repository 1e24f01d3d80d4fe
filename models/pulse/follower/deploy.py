"""A trained network as the folder that comes with taraf: its file and its card."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.pulse.file import NAME, write_network
from engine.whole import write_text
from models.pulse.follower.network import PulseNetwork, lowered

CARD = "card.toml"  # not model.toml: it is no sound that a chain could play


def deploy(
    networks: Sequence[PulseNetwork], folder: Path, about: str, trained: dict[str, Any]
) -> Path:
    """Write the mean of ``networks`` and its card into ``folder``; returns the network's file."""
    import tomli_w

    folder.mkdir(parents=True, exist_ok=True)
    file = folder / NAME
    made = lowered(networks)
    write_network(file, made, folder.name)
    card = {
        "format": 1,
        "name": folder.name,
        "about": about,
        "architecture": f"causal TCN, mean of {len(networks)}",
        "hops_a_second": 100,
        "receptive_field_hops": made.receptive_field,
        "weights": made.weights,
        "licence": "GPL-3.0-or-later",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "trained": trained,
    }
    write_text(folder / CARD, tomli_w.dumps(card))
    return file


__all__ = ["CARD", "deploy"]
