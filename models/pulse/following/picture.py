"""One picture of what the follower heard and said: sound, beats, tempo, confidence."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.pulse.bands import HOPS_A_SECOND
from engine.pulse.follower import BEAT, STROKES
from models.pulse.following.hearing import Heard

INK, SOFT, ORANGE, BLUE = "#1d2430", "#7d8796", "#d9541e", "#1f5fa8"
COLUMNS = 2000  # of the sound: what a screen has
MOST_LINES = 400  # beats that are drawn as lines; more would be a wall


def picture(heard: Heard, beats: npt.NDArray[np.float64] | None = None) -> bytes:
    """A PNG; ``beats``, in seconds, are what somebody wrote down."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8), layout="constrained")
    FigureCanvasAgg(figure)
    sound, answers, tempo, sure = figure.subplots(4, 1, sharex=True, height_ratios=[2, 1.5, 2, 1])
    _sound(sound, heard, beats)
    _answers(answers, heard)
    followed = heard.followed
    tempo.plot(followed.beats, followed.tempo, ".-", color=INK, lw=1, ms=4)
    if beats is not None:
        between = (beats[1:] + beats[:-1]) / 2
        tempo.plot(between, 60.0 / np.diff(beats), color=BLUE, lw=1, label="reference")
        tempo.legend(loc="upper right", fontsize=8)
    tempo.set(ylabel="bpm")
    sure.plot(followed.beats, followed.confidence, color=INK, lw=1)
    sure.set(ylabel="confidence", ylim=(0.0, 1.05), xlabel="s", xlim=(0.0, heard.seconds))
    for axis in (sound, answers, tempo, sure):
        axis.tick_params(labelsize=8)
    made = io.BytesIO()
    figure.savefig(made, format="png", dpi=110)
    return made.getvalue()


def _sound(axis: Any, heard: Heard, beats: npt.NDArray[np.float64] | None) -> None:
    mono = heard.sound.mean(axis=1)
    size = max(1, len(mono) // COLUMNS)
    parts = mono[: len(mono) // size * size].reshape(-1, size)
    seconds = np.arange(len(parts)) * size / heard.rate
    axis.fill_between(seconds, parts.min(axis=1), parts.max(axis=1), color=SOFT, lw=0)
    followed = heard.followed
    if len(followed.beats) <= MOST_LINES:
        reach = float(np.abs(mono).max()) or 1.0
        axis.vlines(followed.beats, 0.0, reach, color=ORANGE, lw=0.8)
        axis.vlines(followed.beats[followed.first], -reach, reach, color=ORANGE, lw=1.6)
        if beats is not None:
            axis.vlines(beats, -reach, -0.6 * reach, color=BLUE, lw=1.2)
    axis.set_title(f"{heard.path.name}: beats as announced, longer where a bar begins", loc="left",
                   fontsize=10, color=INK)  # fmt: skip
    axis.set(ylabel="sound")


def _answers(axis: Any, heard: Heard) -> None:
    answers = heard.followed.answers
    seconds = np.arange(1, len(answers) + 1) / HOPS_A_SECOND
    strokes = answers[:, STROKES:].max(axis=1)
    axis.plot(seconds, strokes, color=BLUE, lw=0.5, alpha=0.6, label="a stroke")
    axis.plot(seconds, answers[:, BEAT], color=ORANGE, lw=0.8, label="a beat")
    axis.set(ylabel="probability", ylim=(0.0, 1.05))
    axis.legend(loc="upper right", fontsize=8)


__all__ = ["picture"]
