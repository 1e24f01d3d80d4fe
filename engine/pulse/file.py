"""The file of a follower's network: JSON, its operations as in our own model file.

    {"format": "taraf-pulse", "version": 1, "name": ..., "input": 80, "signals": [...],
     "ops": [...], "output": number}

It hears ``bands.FEATURES`` and tells ``follower.OUTPUTS``, a hundred times a second.
"""

from __future__ import annotations

import json
from pathlib import Path

from engine.library.zoo import shipped_folder
from engine.modelfiles.parts import network_of
from engine.modelfiles.reading import read_bytes, read_json, refuse
from engine.modelfiles.taraf import Body, document_of
from engine.modelfiles.whole import write_whole
from engine.neural.network import Network, NetworkError
from engine.pulse.bands import FEATURES, HOPS_A_SECOND
from engine.pulse.follower import OUTPUTS
from engine.pulse.network import layers

FORMAT, VERSION = "taraf-pulse", 1
NAME = "pulse.json"


def shipped() -> Path:
    """The network that comes with taraf."""
    return shipped_folder() / "pulse" / NAME


def read_network(path: Path) -> Network:
    """The network in a file; raises ModelFileError, one line that says what it is instead."""
    root = read_json(path, read_bytes(path))
    given = root.values.get("format")
    if given != FORMAT:
        refuse(path, f"is no pulse network: its format is {given!r}, not {FORMAT!r}")
    if root.whole("version", (0, 1_000_000)) != VERSION:
        root.refuse(f"version is not supported; supported: {VERSION}")
    inputs = root.whole("input", (1, 1024))
    if inputs != FEATURES:
        root.refuse(f"input = {inputs}: a pulse network hears {FEATURES} bands")
    network = network_of(path, Body(root, HOPS_A_SECOND, OUTPUTS), FEATURES, OUTPUTS)
    _check(path, network)
    return network


def write_network(path: Path, network: Network, name: str) -> None:
    """Write a network, whole or not at all, and read it back; raises ModelFileError."""
    told = {"format": FORMAT, "version": VERSION, "name": name}
    network = network.without_dead_work()
    _check(path, network)
    document = document_of(network, HOPS_A_SECOND)
    write_whole(path, json.dumps(told | document, allow_nan=False).encode())
    read_network(path)


def _check(path: Path, network: Network) -> None:
    try:
        layers(network)
    except NetworkError as error:
        refuse(path, f"cannot be played: {error}")


__all__ = ["FORMAT", "NAME", "read_network", "shipped", "write_network"]
