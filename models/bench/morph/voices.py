"""Eight voices at 64 frames, struck again and again while a controller sweeps: late blocks."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from engine.bench import Report
from engine.bench.stage import sound_server, stalls
from engine.bench.stage.far_end import FarEnd
from engine.control.desk import Desk
from engine.control.midi import Midi
from engine.host import Host, Order
from engine.rack import Lane, Rack
from models.bench.morph.sources import all_deployed
from models.bench.morph.stage import BLOCK, CC, MAPPING, PORT, WARM_S, contrast, needs, rack
from models.bench.morph.telling import say

KEYS = (48, 52, 55, 59, 62, 66, 69, 72)
AGAIN_S = 2.0
BESIDE_S = 60.0
"""At most, for what is only set beside."""
MOST_PERCENT = 50.0


def run(report: Report, seconds: float) -> None:
    """Add rows: ``seconds`` of the first model, a minute of the other and of an empty rack."""
    needs()
    for number, found in enumerate(all_deployed()):
        long = seconds if number == 0 else min(seconds, BESIDE_S)
        say(f"voices: {found.name}, {long:g} s")
        rows(report, f"{found.name}, 8 voices", counted(rack(found, contrast(found)), long), True)
    say("voices: an empty rack")
    empty = Rack("empty", lanes=(Lane("a", "none"),))
    rows(report, "an empty rack", counted(empty, min(seconds, BESIDE_S), ()), False)


def rows(report: Report, start: str, counts: dict[str, Any], promised: bool) -> None:
    """Rows of what the audio thread counted."""
    report.add(f"{start}: late blocks", counts["late"], "blocks", "none" if promised else "",
               counts["late"] == 0 if promised else None)  # fmt: skip
    if counts["naps"] is not None:
        alone = counts["late"] - counts["in_stalls"]
        report.add(f"{start}: late blocks while the machine went on", alone, "blocks",
                   "none" if promised else "", alone == 0 if promised else None)  # fmt: skip
        report.add(f"{start}: times the machine stood still", counts["naps"], "naps over 1 ms")
        report.add(f"{start}: looks in which it did", counts["stalled_percent"], "% of looks")
    report.add(f"{start}: blocks", counts["blocks"], "blocks")
    for part in ("p50", "p99"):
        value, bound = counts[f"{part}_percent"], promised and part == "p99"
        report.add(f"{start}: {part}", value, "% of deadline",
                   f"at most {MOST_PERCENT:g} %" if bound else "",
                   value <= MOST_PERCENT if bound else None)  # fmt: skip


def counted(wanted: Rack, seconds: float, keys: tuple[int, ...] = KEYS) -> dict[str, Any]:
    """What the audio thread counts in ``seconds`` through JACK and a MIDI port."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        device = stack.enter_context(sound_server.running(BLOCK))
        mapped = Path(name) / "midi.toml"
        mapped.write_text(MAPPING if keys else "")
        host = Host(Order(device), wanted)
        stack.callback(host.stop)
        midi = Midi(Desk(host, [(wanted, None)]), (), virtual=PORT, programs=False, file=mapped)
        stack.callback(midi.close)
        midi.start()
        if keys:
            player = stack.enter_context(
                FarEnd("models.bench.morph.player", do="long", port=f"{PORT}:", controller=CC,
                       keys=keys, again=AGAIN_S)
            )  # fmt: skip
            player.told()
        naps = stack.enter_context(stalls.Naps())
        time.sleep(WARM_S)
        before = host.statistics()
        host.shared.control["histogram"] = 0
        began = time.monotonic()
        late = stalls.late_within(host, seconds)
        after = host.statistics()
        stood = [span for span in naps.ended() if span[1] > began]
    return {
        **{name: after[name] - before[name] for name in ("late", "blocks")},
        **{name: after[name] for name in ("p50_percent", "p99_percent")},
        "in_stalls": stalls.in_stalls(late, stood),
        "stalled_percent": 100.0 * stalls.share(stood, seconds),
        "naps": len(stood) if naps.first else None,
    }


__all__ = ["counted", "rows", "run"]
