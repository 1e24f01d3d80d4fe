"""MIDI clock through real ports: how far tempo and phase are off, how steady our own ticks are."""

from __future__ import annotations

import time
from contextlib import ExitStack

import numpy as np

from engine.bench import Report
from engine.bench.stage import sound_server
from engine.bench.stage.far_end import FarEnd, sleep_until
from engine.bench.stage.telling import say
from engine.control.desk import Desk
from engine.control.midi import Midi
from engine.host import Host, Order
from engine.rack import Lane, Rack

PORT = "taraf-bench"
TEMPOS = (93.0, 120.0, 174.5)
TICKS = 24
BEATS = 4
OUT_TEMPO = 120.0
OUT_SECONDS = 12.0
SETTLE_NS = 30_000_000
"""For the last tick to arrive and be acted on."""


def run(report: Report) -> None:
    """Follow a clock of three tempos, then send one."""
    with sound_server.running() as device, ExitStack() as stack:
        rack = Rack("through", lanes=(Lane("a"),))
        host = Host(Order(device), rack)
        stack.callback(host.stop)
        desk = Desk(host, [(rack, None)])
        midi = Midi(desk, (), clock_outputs=(f"{PORT}-out",), virtual=PORT)
        stack.callback(midi.close)
        midi.start()
        say("clock: four beats each of " + ", ".join(f"{tempo:g}" for tempo in TEMPOS))
        errors = [followed(desk, tempo) for tempo in TEMPOS]
        tempo_off, phase_off = (max(abs(error[k]) for error in errors) for k in (0, 1))
        say(f"clock: our own ticks for {OUT_SECONDS:g} s")
        desk.clock.set(OUT_TEMPO, source="bench")
        ticks = _listened()
    report.add("clock in: tempo off after 4 beats, worst of three tempos", tempo_off, "BPM",
               "0.1 BPM", tempo_off <= 0.1)  # fmt: skip
    report.add("clock in: phase off after 4 beats, worst of three tempos", phase_off, "ms",
               "3 ms", phase_off <= 3.0)  # fmt: skip
    _jitter(report, ticks)


def followed(desk: Desk, tempo: float) -> tuple[float, float]:
    """How far the musical clock is from a sender's, in BPM and ms, when four beats have passed."""
    period = 60e9 / tempo / TICKS
    with FarEnd(
        "midi_player", do="tick", port=f"{PORT}:", tempo=tempo, count=(BEATS + 1) * TICKS
    ) as player:
        begin = int(player.told()["begin_ns"])
        sleep_until(begin + round(BEATS * TICKS * period) + SETTLE_NS)
        now = desk.clock.now
    true = (now.stamp_ns - begin) / period / TICKS
    return now.tempo_bpm - tempo, (now.beat - true) * 60e3 / tempo


def _listened() -> list[float]:
    with FarEnd(
        "midi_player", do="listen", port=f"{PORT}-out", seconds=OUT_SECONDS
    ) as player:  # fmt: skip
        player.told()
        time.sleep(OUT_SECONDS)
        heard: list[float] = player.told()["ticks"]
    return heard


def _jitter(report: Report, ticks: list[float]) -> None:
    """How far the ticks are from an even beat: the straight line that fits them best."""
    due = round(OUT_SECONDS * OUT_TEMPO / 60 * TICKS)
    got = len(ticks)
    report.add("clock out: ticks heard", got, "ticks", f"{due}, to 3", abs(got - due) <= 3)
    if got < TICKS:
        return
    numbers = np.arange(got)
    slope, first = np.polyfit(numbers, ticks, 1)
    off = 1000.0 * np.abs(np.array(ticks) - (first + slope * numbers))
    report.add("clock out: tempo off", abs(60.0 / (slope * TICKS) - OUT_TEMPO), "BPM")
    for part in (50, 99):
        report.add(f"clock out: jitter p{part}", float(np.percentile(off, part)), "ms")
    report.add("clock out: jitter worst", off.max(), "ms")


__all__ = ["run"]
