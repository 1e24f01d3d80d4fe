"""Strokes to sound: FluidSynth plays them with a sound font, many pieces in one go."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.pulse.errors import Absent, PulseError

FONTS = Path("/usr/share/sounds/sf2")
DEFAULT_FONT = FONTS / "FluidR3_GM.sf2"
STROKE = np.dtype(
    [("seconds", "f8"), ("pitch", "i4"), ("velocity", "i4"), ("channel", "i4"), ("length", "f8")]
)
"""A note to play: when, what, how hard, on which MIDI channel (9 is the drums'), for how long."""
DRUM_CHANNEL = 9
TICKS_A_SECOND = 2000
GAP_SECONDS = 2.0


@dataclass(frozen=True)
class Piece:
    """Strokes (n,) of STROKE, the sounds of their channels, and how many seconds are kept."""

    strokes: npt.NDArray[Any]
    seconds: float
    programs: tuple[tuple[int, int], ...] = ()


def check(fonts: Iterable[Path]) -> str:
    """Where FluidSynth is; raises PulseError where it is not, or one of ``fonts`` is no font."""
    program = shutil.which("fluidsynth")
    if program is None:
        raise Absent("drums are rendered with fluidsynth, which is not installed")
    for font in fonts:
        if not font.is_file():
            advice = "; apt install fluid-soundfont-gm" if font == DEFAULT_FONT else ""
            raise Absent(f"{font}: no such sound font{advice}")
        try:
            with font.open("rb") as file:
                head = file.read(12)
        except OSError as error:
            raise PulseError(f"{font}: {error.strerror}") from None
        if head[:4] != b"RIFF" or head[8:] != b"sfbk":
            raise PulseError(f"{font}: not a sound font (.sf2 or .sf3)")
    return program


def drum_strokes(
    seconds: npt.ArrayLike, pitches: npt.ArrayLike, velocities: npt.ArrayLike
) -> npt.NDArray[Any]:
    """Strokes on the drums' channel."""
    made = np.zeros(len(np.asarray(seconds)), STROKE)
    made["seconds"], made["pitch"], made["velocity"] = seconds, pitches, velocities
    made["channel"], made["length"] = DRUM_CHANNEL, 0.1
    return made


def render(
    pieces: Sequence[Piece], font: Path = DEFAULT_FONT, rate: int = 44100, room: float = 0.0
) -> list[npt.NDArray[np.float32]]:
    """What each piece sounds like, mono float32 of ``seconds`` * ``rate`` samples.

    ``room`` is FluidSynth's reverb level, 0 to 1. Raises PulseError where FluidSynth or the
    sound font is absent.
    """
    program = check((font,))
    starts = np.cumsum([0.0, *(piece.seconds + GAP_SECONDS for piece in pieces)])
    with tempfile.TemporaryDirectory() as folder:
        midi, raw = Path(folder) / "a.mid", Path(folder) / "a.raw"
        _midi(pieces, starts).save(midi)
        command = [
            program, "-ni", "-q", "-r", str(rate), "-g", "0.7", "-C", "0",
            "-R", "1" if room > 0 else "0", "-o", f"synth.reverb.level={room:g}",
            "-o", "synth.dynamic-sample-loading=1", "-o", "synth.polyphony=128",
            "-T", "raw", "-O", "float", "-F", str(raw), str(font), str(midi),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0 or not raw.is_file():
            raise PulseError(f"fluidsynth failed with {font}: {done.stderr.strip()[-200:]}")
        stereo = np.fromfile(raw, np.float32).reshape(-1, 2)
    return [_cut(stereo, starts[k], piece.seconds, rate) for k, piece in enumerate(pieces)]


def _cut(
    stereo: npt.NDArray[np.float32], start: float, seconds: float, rate: int
) -> npt.NDArray[np.float32]:
    first, count = round(start * rate), round(seconds * rate)
    made = np.zeros(count, np.float32)
    part = stereo[first : first + count].mean(axis=1)
    made[: len(part)] = part
    return made


def _midi(pieces: Sequence[Piece], starts: npt.NDArray[np.float64]) -> Any:
    import mido

    timed: list[tuple[int, int, Any]] = []

    def add(seconds: float, order: int, message: Any) -> None:
        timed.append((max(0, round(seconds * TICKS_A_SECOND)), order, message))

    for start, piece in zip(starts, pieces, strict=False):
        for channel, number in piece.programs:
            add(start, 0, mido.Message("program_change", channel=channel, program=number))
        for stroke in piece.strokes:
            if not 0 <= stroke["seconds"] < piece.seconds:
                continue
            when, channel = start + float(stroke["seconds"]), int(stroke["channel"])
            pitch, velocity = int(stroke["pitch"]), int(np.clip(stroke["velocity"], 1, 127))
            on = mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)
            off = mido.Message("note_off", channel=channel, note=pitch)
            add(when, 2, on)
            add(when + float(stroke["length"]), 1, off)
        for channel in {int(c) for c in piece.strokes["channel"]}:
            silence = mido.Message("control_change", channel=channel, control=120, value=0)
            add(start + piece.seconds, 3, silence)
    timed.sort(key=lambda item: item[:2])
    track, before = mido.MidiTrack(), 0
    track.append(mido.MetaMessage("set_tempo", tempo=500_000))
    for at, _, message in timed:
        track.append(message.copy(time=at - before))
        before = at
    end = round(starts[-1] * TICKS_A_SECOND) - before
    track.append(mido.MetaMessage("end_of_track", time=max(0, end)))
    return mido.MidiFile(ticks_per_beat=TICKS_A_SECOND // 2, tracks=[track])


__all__ = ["DEFAULT_FONT", "DRUM_CHANNEL", "FONTS", "STROKE", "Piece", "check", "drum_strokes",
           "render"]  # fmt: skip
