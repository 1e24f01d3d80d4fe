"""Which system's MIDI is used, and what of python-rtmidi differs from one to the other."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from engine.control.midi.messages import MidiError

SEQUENCER = Path("/dev/snd/seq")
QUEUE = 1 << 15
"""Messages that rtmidi keeps until they are fetched; its ring is made when a port is opened."""


def rtmidi() -> Any:
    """python-rtmidi; raises MidiError where it is not installed."""
    try:
        import rtmidi as found
    except ImportError:
        raise MidiError("MIDI needs python-rtmidi; pip install python-rtmidi") from None
    return found


def choose() -> int:
    """rtmidi's number for this system's MIDI; raises MidiError if there is none.

    ALSA where its sequencer is, else JACK; CoreMIDI or WinMM elsewhere. rtmidi itself does
    not go on to JACK where the sequencer is absent (1.5.8).
    """
    module = rtmidi()
    known = module.get_compiled_api()
    if not sys.platform.startswith("linux"):
        native = [module.API_MACOSX_CORE, module.API_WINDOWS_MM]
        return int(next((api for api in native if api in known), module.API_UNSPECIFIED))
    if SEQUENCER.exists() and module.API_LINUX_ALSA in known:
        return int(module.API_LINUX_ALSA)
    if module.API_UNIX_JACK in known:
        quiet_jack(module)
        with suppress(module.RtMidiError):
            module.MidiOut(module.API_UNIX_JACK, name="taraf-probe").delete()
            return int(module.API_UNIX_JACK)
    raise MidiError(f"there is no MIDI here: no {SEQUENCER} (ALSA) and no JACK server that runs")


def name(api: int) -> str:
    """What people call an API."""
    return str(rtmidi().get_api_display_name(api))


def quiet_jack(module: Any) -> None:
    """Keep JACK's library from writing into the terminal that shows the rack.

    Its two report functions become the C library's ``strlen``: it takes a text, does nothing,
    and no thread of JACK's ever waits for the interpreter.
    """
    folder = Path(module.__file__).parents[1]
    with suppress(OSError, AttributeError):
        strlen = ctypes.cast(ctypes.CDLL(None).strlen, ctypes.c_void_p)
        own = [str(path) for path in folder.glob("python_rtmidi*/libjack*")]  # of the wheel
        for path in own or filter(None, [ctypes.util.find_library("jack")]):
            library = ctypes.CDLL(path)
            library.jack_set_error_function(strlen)
            library.jack_set_info_function(strlen)
