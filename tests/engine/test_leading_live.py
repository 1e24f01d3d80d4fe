"""What a leader is told while it plays, what happens between racks, and the notes of plugins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from conftest import noise, rack
from leading_stage import RATE, Drums, Late, Live, Reads, Steady, Swing, Told

from engine.kernel import Audio, kernel
from engine.layout import MADE, PANIC
from engine.plugin import Plugin, Setup, State, zeros
from engine.rack import Lane, Link
from engine.render import Renderer

Use = Callable[..., Link]


def test_a_tap_reaches_the_leader_in_its_own_time_and_the_beat_only_through_it(use: Use) -> None:
    live = Live(rack(use(Late), use(Told), source="stereo"))
    live.run(640)
    live.go(rack(use(Late), use(Told), source="stereo"))  # its frame 0 is not the stream's
    live.run(6400)
    assert live.record()[0] == 0.0
    live.beat(100.0, 7.0, 3000)
    live.run(640)
    assert list(live.record()[8:12]) == [1.0, 100.0, 7.0, 3000.0]
    assert live.record()[0] == 1.0
    assert live.at(3000) == pytest.approx(7.0)
    assert live.at(3000 + RATE) == pytest.approx(7.0 + 100.0 / 60.0)
    live.stage.close()


def test_while_one_leads_the_beat_from_outside_is_for_it_alone(use: Use) -> None:
    live = Live(rack(use(Swing), source="stereo"))
    live.run(6400)
    before = live.at(6400)
    live.beat(300.0, 500.0, 6400)
    live.run(64)
    assert live.record()[8] == 1.0
    assert live.at(6400) == pytest.approx(before, abs=1e-4)
    live.stage.close()


def test_a_preset_s_tempo_is_no_tap(use: Use) -> None:
    live = Live(rack(use(Told), source="stereo"))
    live.beat(90.0, 2.0, 0, told=0)
    live.run(640)
    assert live.record()[8] == 0.0
    assert live.shared.control[0]["beat"][0] == 90.0
    live.stage.close()


def test_a_rack_without_a_leader_goes_on_from_the_last_and_hears_the_outside(use: Use) -> None:
    live = Live(rack(use(Swing, tempo_bpm=200.0), source="stereo"))
    live.run(9600)
    tempo, at = float(live.shared.control[0]["beat"][0]), live.at(20000)
    live.go(rack(use(Reads), source="stereo"))
    live.run(6400)
    assert live.shared.control[0]["beat"][0] == tempo
    assert live.at(20000) == pytest.approx(at, abs=1e-3)
    assert live.shared.control[0]["led"] == 0
    live.beat(80.0, 1.0, 0)
    live.run(64)
    assert live.shared.control[0]["beat"][0] == 80.0
    assert live.shared.control[0]["beat"][4] == 4.0
    live.stage.close()


def test_a_presets_tempo_counts_from_when_it_sounds_though_another_led(use: Use) -> None:
    live = Live(rack(use(Swing), source="stereo"))
    live.run(9600)
    live.go(rack(use(Reads), source="stereo"))
    live.beat(77.0, 1.0, 9600, told=0)
    live.run(6400)
    assert live.shared.control[0]["beat"][0] == 77.0
    live.stage.close()


def test_a_leader_that_comes_is_told_where_the_one_before_it_was(use: Use) -> None:
    live = Live(rack(use(Swing, tempo_bpm=200.0), source="stereo"))
    live.run(9600)
    tempo, at = float(live.shared.control[0]["beat"][0]), live.at(20000)
    live.go(rack(use(Told), source="stereo"))
    live.run(640)
    assert live.record()[8] == 1.0
    assert live.record()[9] == tempo
    assert live.at(20000) == pytest.approx(at, abs=1e-3)
    live.stage.close()


def test_the_nodes_own_time_outlasts_a_panic(use: Use) -> None:
    live = Live(rack(use(Late), use(Steady), use(Drums), source="stereo"))
    live.run(64_000)
    before = live.at(0)
    assert before == pytest.approx(0.0)
    assert live.shared.send(0, PANIC, 0, 0.0)
    live.run(64_000)
    assert live.record()[0] == 1.0
    assert live.at(0) == pytest.approx(before)
    assert live.record()[12] == 128_000
    live.stage.close()


def test_after_a_panic_a_leader_is_told_where_it_was(use: Use) -> None:
    live = Live(rack(use(Told), source="stereo"))
    live.run(640)
    live.beat(100.0, 7.0, 300)
    live.run(640)
    live.beat(130.0, 9.0, 900)
    live.run(6400)
    assert live.record()[8] == 2.0
    assert live.shared.send(0, PANIC, 0, 0.0)
    live.run(6400)
    assert list(live.record()[:1]) == [1.0]
    assert list(live.record()[8:10]) == [1.0, 130.0]  # it had forgotten all
    assert live.at(900) == pytest.approx(9.0)
    live.stage.close()


def test_from_one_pulse_to_another_the_beat_keeps_its_number(use: Use) -> None:
    def pulse(**knobs: float) -> Link:
        return Link("pulse", "pulse", {"mode": 1.0, **knobs}, {"network": "flux"})

    live = Live(rack(pulse(meter=2.0)))
    live.run(6400)
    live.beat(100.0, 403.5, 6400)
    live.run(6400)
    assert live.at(6400) == pytest.approx(403.5, abs=1e-3)
    live.go(rack(pulse(octave=2.0, nudge_ms=30.0)))
    live.run(12800)
    assert live.record()[0] == 1.0
    assert live.at(6400) == pytest.approx(403.5, abs=1e-3)
    assert live.shared.control[0]["beat"][4] == 3.0
    live.stage.close()


def test_notes_that_a_plugin_makes_come_out_with_the_frame_that_they_are_for(use: Use) -> None:
    live = Live(rack(use(Late), use(Drums), source="stereo"), 100)
    live.run(20000)
    control = live.shared.control[0]
    count = int(control["made_count"])
    assert count == 20
    rows = control["made"][:count]
    assert list(rows[:, 0]) == [1000 * (k + 1) for k in range(count)]
    assert set(rows[:, 1]) == {0x99 | 38 << 8 | 100 << 16}
    assert set(rows[:, 2]) == {live.stage.current.id if live.stage.current else -1}
    live.stage.close()


def test_the_front_is_told_which_notes_a_panic_has_left_without_an_end(use: Use) -> None:
    live = Live(rack(use(Drums), source="stereo"))
    live.run(6400)
    control = live.shared.control[0]
    assert int(control["made_anew"]) == 0
    assert live.shared.send(0, PANIC, 0, 0.0)
    live.run(6400)
    assert int(control["made_anew"]) == 6  # at 700, 1700 ... 5700
    assert int(control["made_count"]) > 6
    live.stage.close()


def test_the_front_is_told_which_notes_a_fault_has_left_without_an_end(use: Use) -> None:
    class Cracks(Plugin):
        """Make a note at its first frame, and no sound that is a number after 500."""

        makes_notes = True

        def prepare(self, setup: Setup) -> State:
            return {"now": zeros(1, dtype=np.int64)}

        @kernel
        def process(audio: Audio, knobs: Any, state: Any) -> None:
            if state.now[0] == 0:
                state.made[state.made_count[0] % 256, 1] = 0x99 | 38 << 8 | (100 << 16)
                state.made_count[0] += 1
            state.now[0] += audio.shape[1]
            if state.now[0] > 500:
                audio[0, 0] = np.float32(np.nan)

    live = Live(rack(use(Cracks), source="stereo"))
    live.run(640)
    control = live.shared.control[0]
    assert [int(control[name]) for name in ("mutes", "made_anew", "made_count")] == [1, 1, 2]
    live.stage.close()


def test_more_notes_than_the_front_can_keep_do_no_harm(use: Use) -> None:
    class Storm(Plugin):
        """Make a note in every frame."""

        makes_notes = True

        @kernel
        def process(audio: Audio, knobs: Any, state: Any) -> None:
            for i in range(audio.shape[1]):
                state.made[state.made_count[0] % 256, 0] = i
                state.made_count[0] += 1

    live = Live(replace(rack(), lanes=(Lane("a", "left", (use(Storm),)),)))
    live.run(3 * MADE)
    assert int(live.shared.control[0]["made_count"]) == 3 * MADE
    live.stage.close()


def test_a_render_closes_what_leads(use: Use) -> None:
    renderer = Renderer(rack(use(Swing)), RATE, 1)
    renderer.push(noise(6400))
    assert renderer.shared.control[0]["led"] == renderer.table.id
    renderer.finish()
