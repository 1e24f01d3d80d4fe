"""The terminal while playing: levels, load, what was late, and nothing that moves without need."""

from __future__ import annotations

import math
import time
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from engine.control import follower
from engine.control.desk import Desk
from engine.control.keys import HELP, PULSE_HELP
from engine.host import Host

WIDTH = 40
WIDE = 76
FLOOR_DB = -60.0
LIT_BEATS = 0.25  # the screen is drawn eight times a second
MOST_LIGHTS = 12
NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


def bar(peak: float) -> Text:
    """A level as a bar from -60 dB to 0, red where it clips."""
    level_db = 20 * math.log10(max(peak, 1e-6))
    filled = round(WIDTH * min(1.0, max(0.0, 1 - level_db / FLOOR_DB)))
    colour = "red" if level_db >= 0 else "yellow" if level_db > -6 else "green"
    text = Text("█" * filled, style=colour)
    text.append("░" * (WIDTH - filled), style="dim")
    text.append(f" {level_db:6.1f} dB" if level_db > -100 else "   -inf dB")
    return text


def draw(
    desk: Desk, statistics: dict[str, Any], latency_ms: float, said: list[str]
) -> RenderableType:
    """The screen for this moment."""
    host = desk.host
    control = host.shared.control[0]
    meters = control["meters"]
    levels = Table.grid(padding=(0, 2))
    levels.add_row("in", bar(float(meters[0])))
    for name, peak in zip(("out left", "out right"), meters[2:], strict=True):
        levels.add_row(name, bar(float(peak)))
    facts = Table.grid(padding=(0, 3))
    facts.add_row(
        f"load {statistics['p50_percent']:.1f} % (worst {statistics['max_percent']:.0f} %)",
        f"late {statistics['late']}",
        f"xruns {statistics['xruns']}",
        f"latency {latency_ms:.1f} ms",
        f"{statistics['seconds']:.0f} s",
    )
    trouble = [
        f"{label} {statistics[key]}"
        for key, label in (
            ("mutes", "muted"),
            ("worker_misses", "worker misses"),
            ("input_faults", "bad input"),
            ("lost", "lost blocks"),
        )
        if statistics[key]
    ]
    rows: list[RenderableType] = [levels, facts]
    readouts = _readouts(host, control)
    if readouts:
        rows.append(Text(readouts, style="cyan"))
    if trouble:
        rows.append(Text(", ".join(trouble), style="yellow"))
    rows += [Text(f"{e.seconds:7.1f} s  {e.message}", style="yellow") for e in host.events[-3:]]
    rows += [Text(text, style="yellow") for text in said]
    rows.append(_stage(desk))
    if follower.leader(desk.rack):
        rows.append(Text(PULSE_HELP, style="dim"))
    rows.append(Text(HELP, style="dim"))
    title = host.rack.name
    if len(desk.slots) > 1:
        title = f"{desk.at + 1}/{len(desk.slots)}  {title}"
    about = Text(host.rack.about)  # a preset's words are no markup
    return Panel(Group(*rows), title=Text(title), subtitle=about, width=WIDE)


def _stage(desk: Desk) -> Text:
    """What the player has switched on, the tempo, and what comes next."""
    text = _pulse(desk)
    if not text:
        text = Text(f"{desk.clock.tempo_bpm:.1f} bpm ")
        text.append("● " if desk.clock.beat() % 1.0 < LIT_BEATS else "○ ")
    if desk.bypassed:
        text.append(" BYPASS ", style="black on yellow")
    if desk.recording:
        text.append(" RECORDING ", style="white on red")
    if desk.slot.other is not None:
        version = " A: as saved " if desk.rack == desk.slot.saved else " B: as turned "
        text.append(version, style="black on cyan")
    names = desk.names()
    if desk.ready < len(names):
        text.append(f"  {desk.ready} of {len(names)} presets are built", style="dim")
    elif desk.at + 1 < len(names):
        text.append(f"  next: {names[desk.at + 1]}", style="dim")
    return text


def _pulse(desk: Desk) -> Text:
    """The beat of the plugin that leads: a light for each beat of the bar, and how sure it is."""
    found = desk.pulse
    if found is None:
        return Text()
    text = Text(f"{found.tempo_bpm:.1f} bpm ")
    if not found.leads:
        text.append("○ ")
        text.append("listening ", style="dim")
    else:
        at = found.place(time.monotonic_ns())
        bright = "bold red" if at < 1.0 else "bold"
        for place in range(min(found.bar, MOST_LIGHTS)):
            lit = place == int(at)
            text.append("● " if lit else "○ ", bright if lit and at % 1.0 < LIT_BEATS else "")
    text.append("HELD " if follower.held(desk) else "")
    text.append(f"sure {100 * found.confidence:.0f} % ", style="dim")
    return text


def _readouts(host: Host, control: Any) -> str:
    """What the plugins report, a plugin a phrase; a pitch as a player says it."""
    found: dict[str, dict[str, float]] = {}
    for address, (node, index) in host.rack.readouts().items():
        plugin, _, name = address.rpartition(".")
        value = float(control["readouts"][node, index])
        found.setdefault(plugin.partition(".")[2], {})[name] = value
    return "\n".join(f"{plugin}: {_phrase(values)}" for plugin, values in found.items())


def _phrase(values: dict[str, float]) -> str:
    if {"hz", "cents", "note"} <= set(values):
        if values["hz"] <= 0.0:
            return "-"
        note = round(values["note"])
        return f"{NOTES[note % 12]}{note // 12 - 1} {values['cents']:+.0f} cents"
    return ", ".join(f"{name.replace('_', ' ')} {value:.1f}" for name, value in values.items())
