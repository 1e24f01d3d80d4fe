"""Opens a plug-in with pedalboard: only in a worker or a throw-away process, on its main thread.

JUCE wants every load on one thread; a broken plug-in takes its process along.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import zlib
from pathlib import Path
from typing import Any

from plugins.vst.errors import VstError
from plugins.vst.folders import cache, keep

HOP = 64
MOST_STATE = 1 << 26  # bytes, unpacked
LONGEST_STATE = 20_000  # characters; Windows takes 32767 in a command line
SKIPPED = re.compile(r"MIDI CC |MIDI Ch|P\d\d\d\Z")
"""Parameters that stand for MIDI controllers or are spare: thousands, in some plug-ins."""


def kind(path: Path) -> Any:
    """The class of pedalboard that opens ``path``; raises VstError."""
    try:
        import pedalboard
    except ImportError as error:
        raise VstError(f"{path}: needs pedalboard, which does not load: {error}") from None
    _stop_probing()
    name = "AudioUnitPlugin" if path.suffix.lower() == ".component" else "VST3Plugin"
    found = getattr(pedalboard, name, None)
    if found is None:
        raise VstError(f"{path}: this system's pedalboard opens no {path.suffix} plug-ins")
    return found


def _stop_probing() -> None:
    """Keep pedalboard from trying 1001 positions of each parameter, twice: we never use them.

    That is minutes for a plug-in that loads a file when a parameter is set. What we change is
    private to pedalboard; where a later version has none of it, loading is only slower.
    """
    try:
        from pedalboard import _pedalboard

        _pedalboard.PARAMETER_NAME_REGEXES_TO_IGNORE.add(re.compile(""))
    except (ImportError, AttributeError):
        pass


def load(path: Path, part: str, state: str = "", program: str = "") -> Any:
    """The plug-in ``part`` of a bundle, in the state given; raises VstError."""
    try:
        loaded = kind(path)(str(path), plugin_name=part or None)
        if program:
            loaded.load_preset(program)
        if state:
            loaded.raw_state = unpacked(state)
    except VstError:
        raise
    except Exception as error:  # pedalboard raises many kinds, and passes on the plug-in's
        raise VstError(f"{path}: {reason(error)}") from None
    return loaded


def mute() -> None:
    """Let nothing that is printed from now on be kept: some plug-ins print at every block."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)


def reason(error: Exception) -> str:
    """The first line of what pedalboard says."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return " ".join(lines[0].split())[:200]


def packed(state: bytes) -> str:
    """A plug-in's state as a preset keeps it: compressed, in base64."""
    return base64.b64encode(zlib.compress(state, 9)).decode()


def shortened(text: str) -> str:
    """A state as short as a command line of a process must be: a long one goes to a file."""
    if len(text) <= LONGEST_STATE:
        return text
    name = hashlib.sha256(text.encode()).hexdigest()
    file = _state_file(name)
    if not file.is_file():
        keep(file, text)
    return f"@{name}"


def _state_file(name: str) -> Path:
    return cache() / "states" / f"{name}.state"


def unpacked(text: str) -> bytes:
    """The state that ``packed`` wrote, or that somebody wrote in plain base64; raises VstError."""
    if re.fullmatch("@[0-9a-f]{64}", text):
        try:
            text = _state_file(text[1:]).read_text()
        except OSError as error:
            raise VstError(f"its state is no longer in the cache: {error.strerror}") from None
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise VstError("its state is not base64; it was not written by taraf") from None
    packer = zlib.decompressobj()
    try:
        state = packer.decompress(data, MOST_STATE)
    except zlib.error:
        return data
    if packer.unconsumed_tail:
        raise VstError(f"its state is larger than {MOST_STATE >> 20} MiB")
    return state if packer.eof else data


def parameter_name(parameter: Any) -> str:
    """What pedalboard calls a parameter in Python: its name and unit in lower case."""
    label = str(parameter.label or "")
    name = str(parameter.name or "")
    whole = f"{name} {label}" if label and not label.startswith(":") else name
    for sign, word in (("#", "_sharp"), ("♯", "_sharp"), ("♭", "_flat")):
        whole = whole.lower().replace(sign, word)
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in whole.strip())
    return re.sub(r"_+", "_", plain).strip("_")


__all__ = [
    "HOP",
    "SKIPPED",
    "kind",
    "load",
    "mute",
    "packed",
    "parameter_name",
    "reason",
    "shortened",
]
