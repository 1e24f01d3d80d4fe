"""What `taraf doctor` says of what turns knobs: MIDI, OSC, Link, and of plugins of others."""

from __future__ import annotations

import socket
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from engine.commands.check import Check

NO_WHEEL = "pip install python-rtmidi (on Python 3.13 it needs a compiler and libasound2-dev)"


def midi() -> Check:
    """Whether a MIDI port can be opened, and by which of the system's ways."""
    name = "MIDI"
    if find_spec("rtmidi") is None:
        return Check(name, "missing", "optional: controllers, clock", NO_WHEEL)
    from engine.control.midi import api
    from engine.control.midi.messages import MidiError

    try:
        found = api.name(api.choose())
    except MidiError as error:
        remedy = "sudo modprobe snd-seq, or start JACK"
        return Check(name, "warn", str(error), remedy)
    return Check(name, "ok", f"through {found}, python-rtmidi {_release('python-rtmidi')}")


def osc() -> Check:
    """Whether python-osc is there, and the usual port is free."""
    name = "OSC"
    if find_spec("pythonosc") is None:
        return Check(name, "missing", "optional: TouchOSC, Max", "pip install python-osc")
    from engine.control.osc import places

    host, port = places().listen
    found = f"python-osc {_release('python-osc')}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((host, port))
        except OSError:
            remedy = f"choose another: taraf live --osc {port + 100}"
            return Check(name, "warn", f"{found}; port {port} is taken", remedy)
    return Check(name, "ok", f"{found}; port {port} is free")


def link() -> Check:
    """Whether aalink is there."""
    if find_spec("aalink") is None:
        purpose = "optional: one tempo with Live and other programs"
        return Check("Ableton Link", "missing", purpose, "pip install 'taraf[link]'")
    return Check("Ableton Link", "ok", f"aalink {_release('aalink')}")


def pedalboard() -> Check:
    """Whether pedalboard is there."""
    if find_spec("pedalboard") is None:
        purpose = "VST3 and Audio Unit plugins, training pairs"
        return Check("pedalboard", "missing", purpose, "pip install pedalboard")
    return Check("pedalboard", "ok", f"{_release('pedalboard')} (VST3 and Audio Unit plugins)")


def _release(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:  # there, but not installed by pip
        return "of unknown release"


CHECKS = (midi, osc, link, pedalboard)
