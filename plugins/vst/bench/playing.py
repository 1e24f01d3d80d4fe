"""Racks with one hosted plug-in, played on the virtual device."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from engine.host import Host, Order
from engine.rack import Lane, Link, Rack
from engine.stream import DeviceChoice

RATE, BLOCK = 48000, 64


def say(text: str) -> None:
    """Progress, on standard error."""
    print(f"bench vst: {text}", file=sys.stderr, flush=True)


def one_lane(link: Link) -> Rack:
    """``link`` and nothing else."""
    return Rack("bench", lanes=(Lane("a", "left", (link,)),))


def beside(link: Link) -> Rack:
    """``link`` on the left, a lane without it on the right."""
    other = Lane("b", "left", (Link("compressor", "comp"),), {"pan": 1.0})
    return Rack("bench", lanes=(Lane("a", "left", (link,), {"pan": -1.0}), other))


def hosted(plugin: str, knobs: dict[str, float] | None = None) -> Link:
    """A plug-in by its name or file."""
    return Link("vst", "hosted", knobs or {}, {"plugin": plugin})


@contextmanager
def playing(rack: Rack) -> Iterator[Host]:
    """An audio process that plays ``rack``, and keeps all of it for a recorder."""
    host = Host(Order(DeviceChoice("virtual", RATE, BLOCK), armed=True), rack)
    try:
        yield host
    finally:
        host.stop()


__all__ = ["BLOCK", "RATE", "beside", "hosted", "one_lane", "playing", "say"]
