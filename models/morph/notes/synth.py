"""One note at a time out of a SoundFont: FluidSynth's library, called straight."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from engine.morph.errors import MorphError
from models.morph.notes.note import RATE

Sound = npt.NDArray[np.float32]

SYNTH_RATE = 3 * RATE
"""FluidSynth's interpolator folds what lies above the Nyquist frequency: far above, not ours."""
PASS_HZ, STOP_HZ = 7200.0, 8000.0
SPARE_S = 0.096
"""Of silence behind a note, which the filter's ringing before time 0 wraps into; 4 s and this are
65,536 frames, for which an FFT takes a third of its time for 4.1 s."""
FADE_S = 0.01
BLOCK = 64  # frames that FluidSynth computes at once; only between them a note begins
GAIN = 0.8  # the loudest note of FluidR3_GM has its peak at 0.7
NAMES = ("libfluidsynth.so.3", "libfluidsynth.so.2", "libfluidsynth.3.dylib",
         "/opt/homebrew/lib/libfluidsynth.dylib", "/usr/local/lib/libfluidsynth.dylib",
         "libfluidsynth-3.dll")  # fmt: skip
FAILED = -1


class Synth:
    """A SoundFont that plays single notes. ``with`` closes it; one thread at a time.

    Two of them may play in two threads: the library gives Python's lock back while it renders.
    The same notes in the same order are the same samples; in another order not quite: a voice
    that is used again glides, for the first 64 frames, from the level it was left at.
    """

    def __init__(self, font: Path) -> None:
        self._fluid = fluid = library()
        self._settings = fluid.new_fluid_settings()
        for name, value in (
            ("synth.polyphony", 64), ("synth.reverb.active", 0), ("synth.chorus.active", 0),
            ("synth.dynamic-sample-loading", 1),
        ):  # fmt: skip
            fluid.fluid_settings_setint(self._settings, name.encode(), value)
        fluid.fluid_settings_setnum(self._settings, b"synth.gain", GAIN)
        fluid.fluid_settings_setnum(self._settings, b"synth.sample-rate", float(SYNTH_RATE))
        self._synth = fluid.new_fluid_synth(self._settings)
        self._font = fluid.fluid_synth_sfload(self._synth, str(font).encode(), 0)
        if self._font == FAILED:
            self.close()
            raise MorphError(f"{font}: FluidSynth cannot read it as a SoundFont (.sf2, .sf3)")

    def choose(self, program: int) -> bool:
        """Take an instrument of bank 0, 0 to 127; False where the font has none there."""
        done = self._fluid.fluid_synth_program_select(self._synth, 0, self._font, 0, program)
        return int(done) != FAILED

    def note(self, pitch: int, velocity: int, seconds: float, held: float) -> Sound:
        """A note that is let go after ``held`` seconds: mono (seconds * RATE,), faded at its end.

        Silence where the instrument has no sample for the pitch.
        """
        frames = round(seconds * RATE)
        made = np.zeros(3 * (frames + round(SPARE_S * RATE)), np.float32)
        if self._fluid.fluid_synth_noteon(self._synth, 0, pitch, velocity) != FAILED:
            blocks = -(-3 * frames // BLOCK)
            on = min(round(held * SYNTH_RATE / BLOCK), blocks)
            first = self._write(on)
            self._fluid.fluid_synth_noteoff(self._synth, 0, pitch)
            played = np.concatenate([first, self._write(blocks - on)])
            made[: 3 * frames] = played[: 3 * frames]
        self._silence()
        sound = third(made)[:frames]
        fade = min(round(FADE_S * RATE), frames)
        sound[frames - fade :] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, fade + 1) / fade)
        return sound

    def _silence(self) -> None:
        self._fluid.fluid_synth_all_sounds_off(self._synth, 0)
        self._write(1)  # in which it takes effect

    def _write(self, blocks: int) -> Sound:
        """The next sound, mono. Never part of a block: the next note would begin inside one."""
        frames = BLOCK * blocks
        sides = np.zeros((2, frames), np.float32)
        left, right = (ctypes.c_void_p(side.ctypes.data) for side in sides)
        self._fluid.fluid_synth_write_float(self._synth, frames, left, 0, 1, right, 0, 1)
        return np.asarray(sides.mean(axis=0), np.float32)

    def close(self) -> None:
        """Let go of the font and of all memory."""
        self._fluid.delete_fluid_synth(self._synth)
        self._fluid.delete_fluid_settings(self._settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def third(sound: Sound) -> Sound:
    """A third of the rate, (n,) to (n // 3,): a low-pass and every third sample, by one FFT.

    What comes before time 0 wraps to the end, where silence should be. Four times as fast as a
    filter of the same slope, which falls as a raised cosine from PASS_HZ to STOP_HZ.
    """
    frames = len(sound) // 3
    spectrum = np.fft.rfft(sound)[: frames // 2 + 1]
    hertz = np.arange(len(spectrum)) * (SYNTH_RATE / len(sound))
    fall = np.clip((hertz - PASS_HZ) / (STOP_HZ - PASS_HZ), 0.0, 1.0)
    spectrum *= ((0.5 + 0.5 * np.cos(np.pi * fall)) / 3.0).astype(np.float32)
    return np.asarray(np.fft.irfft(spectrum, frames), np.float32)


@cache
def library() -> Any:
    """FluidSynth's library, its calls typed and its talk switched off; raises MorphError."""
    fluid = _found()
    pointer, integer, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
    output = [pointer, integer, integer]
    for name, result, given in (
        ("new_fluid_settings", pointer, []),
        ("delete_fluid_settings", None, [pointer]),
        ("fluid_settings_setint", integer, [pointer, text, integer]),
        ("fluid_settings_setnum", integer, [pointer, text, ctypes.c_double]),
        ("new_fluid_synth", pointer, [pointer]),
        ("delete_fluid_synth", None, [pointer]),
        ("fluid_synth_sfload", integer, [pointer, text, integer]),
        ("fluid_synth_program_select", integer, [pointer, *[integer] * 4]),
        ("fluid_synth_noteon", integer, [pointer, *[integer] * 3]),
        ("fluid_synth_noteoff", integer, [pointer, *[integer] * 2]),
        ("fluid_synth_all_sounds_off", integer, [pointer, integer]),
        ("fluid_synth_write_float", integer, [pointer, integer, *output, *output]),
        ("fluid_set_log_function", pointer, [integer, pointer, pointer]),
    ):
        call = getattr(fluid, name)
        call.restype, call.argtypes = result, given
    for level in range(5):
        fluid.fluid_set_log_function(level, None, None)
    return fluid


def _found() -> Any:
    there = ctypes.util.find_library("fluidsynth")
    for name in (*([there] if there else []), *NAMES):
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    how = "brew install fluid-synth" if sys.platform == "darwin" else "apt install libfluidsynth3"
    raise MorphError(f"notes are rendered with the library of FluidSynth, which is absent: {how}")


__all__ = ["SYNTH_RATE", "Synth", "library", "third"]
