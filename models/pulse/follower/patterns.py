"""Drum parts that nobody has played: patterns of many traditions, varied as drummers vary them.

A handful of drummers play a handful of styles; a network that has only heard those takes the
off-beat of the next drummer's reggae for the beat. Here a part is made of a pattern that is
known (or of chance), with other drums, lighter and fuller bars, fills, swing and feel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.pulse.takes import NOTE

BEATS = 180
KICK, SNARE, RIM, HAT, OPEN, PEDAL, RIDE, BELL, CRASH = 36, 38, 37, 42, 46, 44, 51, 53, 49
TOMS = (50, 48, 47, 45, 43, 41)
BY_CHANCE = 0.25  # share of parts
LEVELS = {"X": 105.0, "x": 80.0, "o": 42.0, "?": 60.0}
MAYBE = 0.4  # of the strokes "?" are played
LINES = {
    "h": (HAT, HAT, HAT, RIDE, RIDE, PEDAL, 54, 70, 43, OPEN),
    "r": (RIDE, RIDE, BELL, HAT, 59, 43),
    "k": (KICK, KICK, KICK, KICK, 35, 41),
    "s": (SNARE, SNARE, SNARE, 40, RIM, 39),
    "c": (RIM, RIM, SNARE, 75, 76),
    "t": TOMS,
    "b": (BELL, 56, 56, 67, 76, HAT),
    "f": (PEDAL, PEDAL, PEDAL, HAT),
}
"""The drums that may play each line of a pattern; one is chosen for a whole part."""


@dataclass(frozen=True)
class Pattern:
    """``steps`` a beat; tempo in bpm from and to; beats a bar; what each line plays in a cycle.

    In a line ``X`` is an accent, ``x`` a stroke, ``o`` a soft one, ``?`` one now and then.
    """

    steps: int
    tempo: tuple[float, float]
    bar: int
    lines: dict[str, str]


@dataclass(frozen=True)
class Part:
    """A drummer's part: its strokes (n,) of NOTE by time, its tempo, its metre."""

    notes: npt.NDArray[np.void]
    tempo_bpm: float
    beats_a_bar: int


def _p(steps: int, low: float, high: float, bar: int, **lines: str) -> Pattern:
    return Pattern(steps, (low, high), bar, {k: v.replace(" ", "") for k, v in lines.items()})


PATTERNS = (
    # straight
    _p(2, 70, 180, 4, h="xx xx xx xx", k="x. .. x? ..", s=".. X. .. X."),
    _p(2, 70, 180, 4, h="xx xx xx xx", k="x? .x x. .?", s=".. X. .. X."),
    _p(4, 60, 125, 4, h="x.x. x.x. x.x. x.x.", k="x..x ..x. .?x. ..?.", s=".o.. X..o .o.. X..o"),
    _p(4, 60, 125, 4, h="xxxx xxxx xxxx xxxx", k="x... ..?. x.x. ....", s=".... X... .... X..?"),
    _p(4, 80, 120, 4, h="x.x. x.x. x.x. x.x.", k="x.x. ..?x ..x. .?..", s="...o X..o .o.o X.oo"),
    _p(4, 85, 115, 4, h="x.xx x.x. xxx. x.xx", k="x..x ...x ..x. .x..", s=".... X..o .o.X ..o."),
    _p(2, 110, 140, 4, h=".x .x .x .x", k="X. X. X. X.", s=".. x. .. x."),
    _p(4, 110, 140, 4, h="..x. ..x. ..x. ..xx", k="X... X... X... X...", c="...x ..x. ...x ..x."),
    _p(4, 65, 100, 4, h="x.x. x.x. x.xx x.x.", k="x..? ...x ..x. .?..", s=".... X... .... X..o"),
    _p(2, 60, 95, 4, h="xx xx xx xx", k="x. .. .. ?.", s=".. .. X. .."),
    _p(4, 130, 180, 4, h="x.x. x.x. x.x. x.x.", k="X.X. .... ..X. ....", s=".... X..o .o.. X..."),
    _p(2, 150, 220, 4, h="x. x. x. x.", k="X. .x X. .x", s=".x .. .x .."),
    _p(2, 85, 130, 4, h="xx xx xx xx", k="X. X. X. X.", s=".X .X .X .X"),
    _p(2, 140, 210, 4, k="X. .. X. ..", s=".. X. .. X.", h="X. X. X. X."),
    _p(4, 90, 130, 4, s="xoxo xoXo xoxo xoXo", k="x... x... x... x..."),
    _p(4, 95, 150, 4, s="oxox Xoxo oxox Xoxo", k="x.x. ..x. x... x..."),
    _p(4, 70, 110, 4, t="x..x ..x. x..x ..x.", k="x... x... x... x...", s=".... X... .... X..."),
    _p(2, 100, 170, 4, t="xx xx xx xx", k="X. .. X. ..", s=".. X. .. X."),
    _p(1, 90, 260, 4, k="X?X?", s=".X.X", h="xxxx"),
    # with swing or in three
    _p(3, 70, 130, 4, h="x.x x.x x.x x.x", k="x.. ..? x.. ..?", s="... X.. ... X.."),
    _p(3, 55, 100, 4, h="x?x x?x x?x x?x", k="x.. ..x x.? ..x", s="..o X.. ..o X.o"),
    _p(3, 60, 90, 4, h="xxx xxx xxx xxx", k="x.. ..? x.x ...", s="... X.. ... X.."),
    _p(3, 70, 110, 4, h="x.x x.x x.x x.x", k="x.. ..x ... ..?", s=".o. .o. X.o .o."),
    _p(3, 90, 280, 4, r="x.. x.x x.. x.x", f="... x.. ... x..", k="?.. ?.. ?.. ?.."),
    _p(3, 90, 280, 4, r="x..x.xx..x.x", f="...x.....x..", s="..?..o..??.o", k="..?.....?.?."),
    _p(3, 90, 240, 4, r="x..x..x.xx..", f="...x.....x..", s="..?..?..?..?", k="x..........?"),
    _p(3, 60, 140, 4, s="x.. x.x x.. x.x", f="... x.. ... x..", k="o.. o.. o.. o.."),
    _p(3, 100, 220, 3, r="x.. x.x x..", f="... x.. ...", k="x.. ... ..?", s="... ..? o.."),
    _p(2, 90, 200, 3, h="xx xx xx", k="X. .. ..", s=".. x. x."),
    _p(3, 45, 80, 4, h="xxx xxx xxx xxx", k="X.. ... X.. ..?", s="... X.. ... X.."),
    _p(3, 80, 170, 2, h="xxx xxx", k="X.. ..?", s="... X.."),
    # jamaica
    _p(2, 110, 170, 4, h="x. x. x. x.", k=".. .. X. ..", c=".. .. X. ?."),
    _p(3, 110, 170, 4, h="x.? x.x x.? x.x", k="... ... X.. ...", c="..? ..? X.. ..o"),
    _p(2, 60, 85, 4, h="xx xx xx xx", k=".. X. .. X.", c=".. X. .. X."),
    _p(3, 60, 85, 4, h="x.x x.x x.x x.x", k="... X.. ... X..", c="... X.. ... X.."),
    _p(2, 60, 90, 4, h=".x .x .x .x", k="X. X. X. X.", s=".. X. .. X."),
    _p(2, 110, 160, 4, h=".x .x .x .x", k="X. .. X. ..", s=".. X. .. X."),
    _p(4, 80, 110, 4, h="x.x. x.x. x.x. x.x.", k="x... x... x... x...", s="...x ..x. ...x ..x."),
    # africa, cuba, brazil, the caribbean
    _p(3, 80, 150, 4, b="x.x .xx .x. x.x", k="x.. ..x ... x..", f="x.. x.. x.. x.."),
    _p(3, 80, 150, 4, b="x.x x.x xx. x.x", s="..o .o. ..o .o.", k="x.. .x. ..x ..."),
    _p(3, 80, 150, 4, h="x.x.xx.x.x.x", c="...X.....X..", t="..x..x..x.xx", k="x.....x....."),
    _p(4, 80, 125, 4, c="x..x ..x. ..x. x...", k="x..x ...x x..x ...x", f="..x. ..x. ..x. ..x."),
    _p(4, 80, 125, 4, b="x.xx .x.x x.x. x.x.", c="..x. x... x..x ..x.", k="...x ..x. ...x ..x."),
    _p(4, 85, 120, 4, b="x.x. x.xx .xx. x.x.", k="...x ..x. ...x ..x.", t=".... ..xx .... ..xx"),
    _p(4, 85, 110, 4, b="X.xx X.xx X.xx X.xx", t="..x. ..xx ..x. ..xx", k="...x ..x. ...x ..x."),
    _p(2, 110, 180, 4, h="xx xx xx xx", k="x. .x x. .x", c="x. .x .. x."),
    _p(4, 55, 90, 2, h="xxxx xxxx", k="x..x x..x", c="x..x ..x."),
    _p(4, 85, 130, 2, h="xoxx xoxx", k="o... X...", s="xoox oxox", t="?... X..."),
    _p(4, 70, 110, 4, s="xoox ooxo oxoo xoox", k="o... X... o... X..."),
    _p(4, 90, 130, 4, t="X..x X.xx X..x Xx.x", s="..x. x.x. .x.x x.x.", k="x... x... x... x..."),
    _p(4, 100, 135, 4, h="x.x. x.x. x.x. x.x.", k="X... X... X... X...", s="...x ..x. ...x ..x."),
    _p(4, 95, 130, 4, h=".xx. .xx. .xx. .xx.", k="x... x..x x... x..x", s="...x ..x. ...x ..x."),
    _p(4, 95, 130, 4, h="x.xx x.xx x.xx x.xx", k="x..x ..x. x..x ..x.", s=".o.. o..o .X.o ..X."),
    _p(4, 100, 125, 4, h="x.xx .xx. x.xx .xx.", k="x... ..x. x... ..x.", c="...x ..x. ..x. .x.."),
    _p(4, 100, 130, 4, h="xxx. xxx. xxx. xxx.", k="x..x x..x x..x x..x", c="..x. ..x. ..x. ..x."),
    # new orleans, marches, the near east
    _p(4, 85, 115, 4, s="x.ox .xox x.ox .xxo", k="x..x ..x. ..x. x...", f=".... x... .... x..."),
    _p(3, 80, 120, 4, s="x.x .ox x.x .xo", k="x.. ..x ... x..", f="... x.. ... x.."),
    _p(4, 90, 130, 4, s="X.xx X.xx XxxX X.xx", k="X... X... X... X..."),
    _p(4, 80, 140, 4, t="X..x ..x. X... x...", h="..x. x... ..x. x.x."),
    _p(4, 80, 130, 2, t="Xx.x x.x.", h="..x. .x.x", k="x... ...."),
    _p(2, 90, 150, 4, k="Xx .x X. x.", s=".. .. .x .x", h=".x x. .. ?x"),
)  # fmt: skip


def part(rng: np.random.Generator) -> Part:
    """A part of ``BEATS`` beats, unlike any other."""
    pattern = by_chance(rng) if rng.random() < BY_CHANCE else _known(rng)
    drums = {line: int(rng.choice(LINES[line])) for line in pattern.lines}
    if len(drums) > 1 and rng.random() < 0.15:
        del drums[str(rng.choice(list(drums)))]
    cycles = _bars(pattern, drums, rng)
    rows = np.concatenate(cycles)
    rows = rows[(rows[:, 0] >= 0.0) & (rows[:, 0] < BEATS)]
    rows = _felt(rows, pattern, rng)
    notes = np.zeros(len(rows), NOTE)
    notes["beat"], notes["pitch"] = rows[:, 0], rows[:, 1]
    notes["velocity"] = np.clip(rows[:, 2], 5, 127)
    tempo = float(np.exp(rng.uniform(*np.log(pattern.tempo))))
    return Part(np.sort(notes, order="beat"), tempo, pattern.bar)


def _known(rng: np.random.Generator) -> Pattern:
    return PATTERNS[int(rng.integers(len(PATTERNS)))]


def by_chance(rng: np.random.Generator) -> Pattern:
    """A pattern in which each drum has its own leaning to beats, halves and what lies between."""
    steps, bar = int(rng.choice([2, 3, 4, 4])), int(rng.choice([4, 4, 4, 3, 2]))
    cells = steps * bar * int(rng.choice([1, 1, 2]))
    lines = {}
    for line in rng.choice(["h", "r", "k", "s", "c", "t"], int(rng.integers(2, 5)), replace=False):
        on, half, other = rng.beta(1.0, 1.0), rng.beta(0.8, 1.4), rng.beta(0.6, 2.5)
        told = []
        for cell in range(cells):
            place = cell % steps
            share = on if place == 0 else half if 2 * place == steps else other
            told.append(str(rng.choice(list("Xxo?"))) if rng.random() < share else ".")
        lines[str(line)] = "".join(told)
    if "k" in lines:
        lines["k"] = "X" + lines["k"][1:]
    return Pattern(steps, (60.0, 200.0), bar, lines)


def _bars(
    pattern: Pattern, drums: dict[str, int], rng: np.random.Generator
) -> list[npt.NDArray[np.float64]]:
    """Cycles of the pattern, each a little different; some end in a fill."""
    length = len(next(iter(pattern.lines.values()))) / pattern.steps
    loyal, busy = rng.uniform(0.85, 1.0), float(rng.choice([0.0, 0.02, 0.06, 0.12]))
    every = int(rng.choice([2, 4, 4, 8, 1000]))
    levels = rng.uniform(0.6, 1.2), rng.uniform(3.0, 14.0)
    cycles = []
    for number in range(int(BEATS / length) + 1):
        begin, fill = number * length, (number + 1) % every == 0
        rows = _cycle(pattern, drums, loyal, busy, rng)
        if fill:
            rest = min(length, float(rng.choice([1, 1, 2, 4])))
            rows = rows[rows[:, 0] < length - rest]
            rows = np.concatenate([rows, _fill(length - rest, length, pattern.steps, rng)])
        elif number and number % every == 0 and rng.random() < 0.7:
            rows = np.concatenate([rows, [[0.0, CRASH, 105.0], [0.0, KICK, 100.0]]])
        rows[:, 2] = rows[:, 2] * levels[0] + rng.normal(0.0, levels[1], len(rows))
        rows[:, 0] += begin
        cycles.append(rows)
    return cycles


def _cycle(
    pattern: Pattern, drums: dict[str, int], loyal: float, busy: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    rows = []
    for line, drum in drums.items():
        for cell, how in enumerate(pattern.lines[line]):
            played = rng.random() < (MAYBE if how == "?" else loyal)
            if how != "." and played:
                rows.append((cell / pattern.steps, drum, LEVELS[how]))
            elif how == "." and rng.random() < busy:
                ghost = SNARE if rng.random() < 0.6 else drum
                rows.append((cell / pattern.steps, ghost, LEVELS["o"]))
    return np.array(rows, np.float64).reshape(-1, 3)


def _fill(
    begin: float, end: float, steps: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Toms and snare, going down mostly."""
    grid = np.arange(begin, end, 1.0 / (steps if steps > 2 else int(rng.choice([2, 3, 4]))))
    grid = grid[rng.random(len(grid)) < rng.uniform(0.5, 1.0)]
    down = np.sort(rng.integers(0, len(TOMS), len(grid)))
    drum = np.where(rng.random(len(grid)) < 0.4, SNARE, np.array(TOMS)[down])
    level = rng.uniform(70.0, 110.0, len(grid))
    return np.stack([grid, drum.astype(np.float64), level], axis=1).reshape(-1, 3)


def _felt(
    rows: npt.NDArray[np.float64], pattern: Pattern, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Swing, each drum before or behind the beat, and hands that are no machine's."""
    if pattern.steps in (2, 4) and rng.random() < 0.3:
        pair = 1.0 if pattern.steps == 2 else 0.5
        place = np.mod(rows[:, 0], pair) / pair
        second = np.abs(place - 0.5) < 0.1
        rows[second, 0] += (rng.uniform(0.5, 0.67) - 0.5) * pair
    if pattern.steps == 3 and rng.random() < 0.5:
        last = np.abs(np.mod(rows[:, 0], 1.0) - 2.0 / 3.0) < 0.05
        rows[last, 0] += rng.uniform(-0.08, 0.1)
    tempo = float(np.mean(pattern.tempo))
    for drum in np.unique(rows[:, 1]):
        own = rows[:, 1] == drum
        rows[own, 0] += rng.normal(-0.006, 0.008) * tempo / 60.0
    rows[:, 0] += rng.normal(0.0, rng.uniform(0.003, 0.014), len(rows)) * tempo / 60.0
    return rows


__all__ = ["BEATS", "PATTERNS", "Part", "Pattern", "by_chance", "part"]
