"""Beats as a live taraf tells them ahead: the plugin's own record, read when it is read there."""

from __future__ import annotations

import numpy as np

from engine.control import lead
from engine.control.beats import Ahead
from engine.control.clock import Beat
from engine.control.pulse import AHEAD_MS, SHORTEST_SECONDS, wait_seconds
from engine.render import Renderer
from models.bench.pulse.cost import LINK, rack
from models.pulse.judging.announced import Announced, Sound


def told_ahead(sound: Sound, rate: int, ahead_ms: float = AHEAD_MS) -> Announced:
    """What a rack with the plugin tells of ``sound`` (n,), each beat so long before it is due."""
    block, looking = round(SHORTEST_SECONDS * rate), 0.0
    renderer, ahead = Renderer(rack(LINK), rate, 1, block), Ahead(round(ahead_ms * 1e6))
    told: list[tuple[float, float, float]] = []
    try:
        for now in range(block, len(sound) + 1, block):
            renderer.push(np.ascontiguousarray(sound[now - block : now, None], np.float32))
            if now / rate < looking:
                continue
            now_ns, found = round(now / rate * 1e9), lead.read(renderer.shared)
            if found is None or not found.leads:
                continue
            beat = Beat(found.tempo_bpm, found.beat, round(found.frame / rate * 1e9))
            one = ahead.next(beat, found.bar, now_ns)
            if one is not None:
                told.append((one.stamp_ns / 1e9, now / rate, found.confidence))
            looking = now / rate + wait_seconds(ahead.until_next(beat, now_ns))
    finally:
        renderer.stage.close()
    return Announced(*np.array(told).reshape(-1, 3).T)


__all__ = ["AHEAD_MS", "told_ahead"]
