"""An hour of a guitarist in fast-forward: is an answer stuck, and does it follow its seed?"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.bench import Report
from engine.bench.stage.telling import StageError
from engine.rack import Lane, Link, Rack
from engine.render import Renderer
from models.bench.sampler.guitar import DATA, PHRASE_S, RATE, phrases
from models.bench.sampler.telling import say

HOUR_S, SHORT_S = 3600.0, 120.0
"""How long is played, and for each second the bench is given if those are under half a minute."""
BLOCK = 256
REST_S = 1.0
"""Of silence after an answer has faded out."""
RESTARTS = 2
"""Of the sampler's readouts."""
AT_RATE = 22_050
LEARNT = "music/mutopia-rendered/clair_first30s_piano.flac"
"""What the preset's model has learnt; where it is not here, loops are judged by the guitar's."""
CHROMA_S = 3.0
SOUNDS = 1e-4
"""Peak that an answer has at least."""
TELL_EVERY_S = 20.0
ENDLESS_SHARE, PIECE_S = 6.0, 10.0
"""So much shorter is one answer that goes on and on; what of it is judged at a time."""

Sound = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Answered:
    """A phrase that was answered: the share of the answer that is stuck, pitch classes (12,)."""

    phrase: int
    stuck: float
    chroma: npt.NDArray[Any]


def run(report: Report, link: Link, seconds: float) -> None:
    """Add rows of an hour with the sampler ``link``; of less where ``seconds`` are under 30."""
    length, judge = min(HOUR_S, SHORT_S * seconds), _Judge()
    answers = _phrases(report, link, length, judge)
    _endless(report, link, length / ENDLESS_SHARE, judge)
    _in_tune(report, answers, [judge.chroma(phrase) for phrase in phrases()])


def _phrases(report: Report, link: Link, length: float, judge: _Judge) -> list[Answered]:
    """A phrase, its answer, the next one."""
    known, name = phrases(), "fast-forward"
    pause_s = float(link.knobs["answer_s"]) + 0.001 * float(link.knobs["crossfade_ms"]) + REST_S
    count = max(2, math.ceil(length / (PHRASE_S + pause_s)))
    began, answers, silent = time.monotonic(), [], 0
    with closing(_Playing(link)) as playing:
        for k, answer in enumerate(_told(playing.answers(known, count, pause_s), count)):
            found = judge(k % len(known), answer)
            answers += found
            silent += not found
        restarts = playing.restarts
    played = count * (PHRASE_S + pause_s)
    report.add(f"{name}: sound played", played, "s", f"{length:g}", played >= length)
    report.add(f"{name}: with the judging it took", time.monotonic() - began, "s")
    report.add(f"{name}: phrases without an answer", silent, f"of {count}", "none", silent == 0)
    _loops(report, f"{name}: answers", answers, judge.limit)
    report.add(f"{name}: restarts by the watchdog", restarts, "")
    return answers


def _endless(report: Report, link: Link, length: float, judge: _Judge) -> None:
    """One phrase, and an answer that neither ends nor returns to it: the likeliest to be caught."""
    alone = replace(link, knobs={**link.knobs, "answer_s": 0.0, "return_s": 0.0})
    count, found, silent = max(1, math.ceil(length / PIECE_S)), [], 0
    with closing(_Playing(alone)) as playing:
        for piece in playing.pieces(phrases()[0], count):
            judged = judge(0, piece)
            found += judged
            silent += not judged
        restarts = playing.restarts
    name = f"an answer of {count * PIECE_S:g} s"
    report.add(f"{name}: pieces of silence", silent, f"of {count}", "none", silent == 0)
    _loops(report, f"{name}: pieces of {PIECE_S:g} s", found, judge.limit)
    report.add(f"{name}: restarts by the watchdog", restarts, "")


def _loops(report: Report, name: str, found: Sequence[Answered], limit: float) -> None:
    stuck = sum(one.stuck > limit for one in found)
    worst = max((one.stuck for one in found), default=0.0)
    report.add(f"{name} in a stuck loop", stuck, f"of {len(found)}", "none", stuck == 0)
    report.add(f"{name}: the largest share that repeats itself", worst, "of its time",
               f"at most {limit:g}", worst <= limit)  # fmt: skip


def _told(pieces: Iterator[Sound], count: int) -> Iterator[Sound]:
    """The same, with a word now and then of how many there are so far."""
    began = said = time.monotonic()
    for k, piece in enumerate(pieces):
        yield piece
        if time.monotonic() - said > TELL_EVERY_S:
            said = time.monotonic()
            say(f"an hour: {k + 1} of {count} phrases, {said - began:.0f} s")


def _in_tune(
    report: Report, answers: Sequence[Answered], seeds: Sequence[npt.NDArray[Any]]
) -> None:  # fmt: skip
    """Correlation of an answer's pitch classes with its own phrase's, and with all others'."""
    own: list[float] = []
    others: list[float] = []
    for one in answers:
        for k, seed in enumerate(seeds):
            like = float(np.corrcoef(one.chroma, seed)[0, 1])
            (own if k == one.phrase else others).append(like)
    if not own:
        return
    follows, by_chance = float(np.mean(own)), float(np.mean(others))
    of = f"pitch classes of its first {CHROMA_S:g} s"
    report.add(f"an answer's {of} with its own seed's", follows, "correlation",
               "reported")  # fmt: skip
    report.add(f"an answer's {of} with unrelated seeds'", by_chance, "correlation", "reported")


class _Playing:
    """The sampler alone, offline, the guitar left out of what it plays."""

    def __init__(self, link: Link) -> None:
        alone = replace(link, knobs={**link.knobs, "dry_db": -60.0})
        rack = Rack("sampler bench", lanes=(Lane("a", "left", (alone,)),))
        self._renderer = Renderer(rack, RATE, 1, BLOCK)
        self._listening_s = 0.001 * float(link.knobs["pause_ms"])

    def answers(self, known: tuple[Sound, ...], count: int, pause_s: float) -> Iterator[Sound]:
        """What comes in the pause after each of ``count`` phrases, (n,)."""
        rest = np.zeros((round(pause_s * RATE) // BLOCK * BLOCK, 1), np.float32)
        for k in range(count):
            phrase = known[k % len(known)]
            self._renderer.push(phrase[: len(phrase) // BLOCK * BLOCK, None])
            made = self._renderer.push(rest)[:, 0]
            yield made[round(self._listening_s * RATE) :]

    def pieces(self, phrase: Sound, count: int) -> Iterator[Sound]:
        """The answer to one phrase, ``count`` pieces of PIECE_S (n,)."""
        rest = np.zeros((round(PIECE_S * RATE) // BLOCK * BLOCK, 1), np.float32)
        first = np.concatenate([phrase, np.zeros(round(0.5 * RATE), np.float32)])
        self._renderer.push(first[: len(first) // BLOCK * BLOCK, None])
        for _ in range(count):
            yield self._renderer.push(rest)[:, 0]

    @property
    def restarts(self) -> int:
        """How often dreams were stuck and began elsewhere."""
        return int(self._renderer.shared.control["readouts"][0, 0, RESTARTS])

    def close(self) -> None:
        self._renderer.stage.close()


class _Judge:
    """Measures answers as the score does; loops are judged by what the model's recording has."""

    def __init__(self) -> None:
        from engine.performance import guitar
        from models.sampler.score import LIMITS, Source
        from models.sampler.sound import mono

        learnt = DATA / LEARNT
        known = mono(learnt, AT_RATE) if learnt.is_file() else guitar(AT_RATE)
        self._known = Source(known, AT_RATE).at(AT_RATE)
        self.limit = LIMITS["stuck"].medium

    def __call__(self, phrase: int, answer: Sound) -> list[Answered]:
        from models.sampler.score.copying import fingerprints
        from models.sampler.score.stuck import stuck

        if not np.isfinite(answer).all():
            raise StageError("an answer has samples that are not finite")
        sounding = np.flatnonzero(np.abs(answer) > SOUNDS)
        if len(sounding) < RATE // 2:
            return []
        heard = self._hear(answer[sounding[0] : sounding[-1] + 1])
        share = stuck(heard, fingerprints(heard), self._known.loops)
        first = heard.chroma[: round(CHROMA_S * 50)]
        return [Answered(phrase, share, first.mean(axis=0))]

    def chroma(self, sound: Sound) -> npt.NDArray[Any]:
        """Pitch classes (12,) of a sound."""
        return np.asarray(self._hear(sound).chroma.mean(axis=0))

    def _hear(self, sound: Sound) -> Any:
        from models.sampler.score.features import hear, resampled

        return hear(resampled(sound, RATE, AT_RATE), AT_RATE)


__all__ = ["Answered", "run"]
