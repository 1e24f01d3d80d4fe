"""A program that is rendered through: it reads one sound file and writes another."""

from __future__ import annotations

import shlex
import string
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from models.cluster.hand import ending
from models.pairs.errors import EffectFailed, PairsError
from models.pairs.spec import Stage, Value, placeholders
from models.pairs.wav import wav_bytes

Audio = NDArray[np.float32]


class Command:
    """A program that reads one sound file and writes another; it runs without a shell."""

    reported = 0

    def __init__(self, stage: Stage, values: Mapping[str, Value]) -> None:
        wanted = placeholders(stage.target)
        if unknown := sorted(set(values) - wanted):
            has = ", ".join(sorted(wanted)) or "none"
            raise PairsError(f"the command has no knob {{{unknown[0]}}}; it has {has}")
        if missing := sorted(wanted - set(values)):
            raise PairsError(f"the command wants {{{missing[0]}}}: give --set or --grid")
        self._text, self._values = stage.target, dict(values)

    def play(self, sound: Audio, rate: int) -> Audio:
        with tempfile.TemporaryDirectory(prefix="taraf-pairs-") as folder:
            source, target = Path(folder) / "in.wav", Path(folder) / "out.wav"
            source.write_bytes(wav_bytes(sound, rate))
            names = {**self._values, "in": str(source), "out": str(target)}
            words = [_Plain().vformat(word, (), names) for word in shlex.split(self._text)]
            self._run(words)
            return self._result(target, rate)

    def _run(self, words: list[str]) -> None:
        try:
            done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL)
        except OSError as error:
            raise PairsError(f"{words[0]}: it does not start: {error.strerror}") from None
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise EffectFailed(
                f"{words[0]}: it ended with {ending(done.returncode)}"
                + (f": {said[-1][:200]}" if said else "")
            )

    def _result(self, target: Path, rate: int) -> Audio:
        if not target.is_file():
            raise EffectFailed("the command wrote no {out}")
        try:
            sound, found = soundfile.read(target, dtype="float32", always_2d=True)
        except soundfile.SoundFileError:
            raise EffectFailed("what the command wrote as {out} is no sound file") from None
        if found != rate:
            raise EffectFailed(f"the command wrote {found} Hz, it was given {rate} Hz")
        return np.ascontiguousarray(sound[:, 0])


class _Plain(string.Formatter):
    """Writes 12.0 as 12 where the command does not say how."""

    def format_field(self, value: Any, format_spec: str) -> str:
        return f"{value:{format_spec or ('.10g' if isinstance(value, float) else '')}}"
