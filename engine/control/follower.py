"""The plugin that leads the beat: whether it does, and what a hand can say to it.

Half, double, sooner, later, one, hold.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.rack import Rack, RackError

if TYPE_CHECKING:
    from engine.control.desk import Desk

ACTIONS = (
    "pulse:half", "pulse:double", "pulse:later", "pulse:sooner", "pulse:one", "pulse:hold",
)  # fmt: skip
NUDGE_MS = 5.0
PRESS_SECONDS = 0.15  # for which a button is down
STEPS = {
    "pulse:half": ("octave", -1.0),
    "pulse:double": ("octave", 1.0),
    "pulse:later": ("nudge_ms", NUDGE_MS),
    "pulse:sooner": ("nudge_ms", -NUDGE_MS),
}
FOLLOW, HOLD, FREE = "follow", "hold", "free"


def leader(rack: Rack) -> str:
    """Where the first plugin that leads the beat is: "lane.plugin", or "" if there is none."""
    for lane, link in rack.links():
        if link is not None and link.plugin.leads_beat:
            return f"{lane}.{link.name}"
    return ""


def leads(desk: Desk) -> bool:
    """Whether a plugin of the rack says where the beat is."""
    pulse = desk.pulse
    return pulse is not None and pulse.leads


def led(desk: Desk) -> int | None:
    """Beats a bar of the plugin that leads; 0 while one is to lead but does not yet, else None."""
    pulse = desk.pulse
    if pulse is not None and pulse.leads:
        return pulse.bar
    return 0 if to_lead(desk.rack) else None


def to_lead(rack: Rack) -> bool:
    """Whether a plugin is there to lead: neither bypassed nor free."""
    found = leader(rack)
    if not found or rack.value(f"{found}.bypass") >= 0.5:
        return False
    mode = rack.addresses().get(f"{found}.mode")
    choices = mode[2].choices if mode else ()
    return not choices or choices[int(rack.value(f"{found}.mode"))] != FREE


def held(desk: Desk) -> bool:
    """Whether the plugin that leads was told to hold its tempo."""
    address = f"{leader(desk.rack)}.mode"
    param = desk.params().get(address)
    if param is None or HOLD not in param.choices:
        return False
    return param.choices[int(desk.value(address))] == HOLD


def act(desk: Desk, action: str, source: str, stamp_ns: int | None = None) -> None:
    """Do one of ``ACTIONS``: they turn ordinary knobs; raises RackError where there is none."""
    found = leader(desk.rack)
    if not found:
        raise RackError(f"preset {desk.rack.name} has no plugin that leads the beat (pulse)")
    if action in STEPS:
        name, by = STEPS[action]
        _step(desk, _knob(desk, found, name), by, source, stamp_ns)
    elif action == "pulse:one":
        _press(desk, _knob(desk, found, "one"), source, stamp_ns)
    else:
        desk.set(_knob(desk, found, "mode"), FOLLOW if held(desk) else HOLD, source, stamp_ns)


def _knob(desk: Desk, found: str, name: str) -> str:
    address = f"{found}.{name}"
    if address not in desk.params():
        raise RackError(f"{found} has no {name} to be turned")
    return address


def _press(desk: Desk, address: str, source: str, stamp_ns: int | None) -> None:
    """A button goes down and, a moment later, comes up."""
    desk.press(address, True, source, stamp_ns)

    def up() -> None:
        with suppress(ValueError):  # another preset may sound by now: it came up when that began
            desk.press(address, False, source)

    timer = threading.Timer(PRESS_SECONDS, up)
    timer.daemon = True
    timer.start()


def _step(desk: Desk, address: str, by: float, source: str, stamp_ns: int | None) -> None:
    param = desk.param(address)
    value = min(max(desk.value(address) + by, param.minimum), param.maximum)
    desk.set(address, value, source, stamp_ns)


__all__ = ["ACTIONS", "act", "held", "leader", "leads", "led", "to_lead"]
