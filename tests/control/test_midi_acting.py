"""What messages do to the desk. No ports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from control.midi_stage import MIX, TIME, Stage
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import preset
from engine.control.desk import ACTIONS
from engine.control.midi import mistakes
from engine.control.midi.mapping import MODES, RELATIVE
from engine.control.news import Pulsing


@pytest.fixture
def stage(tmp_path: Path) -> Any:
    def build(*tables: dict[str, Any], **options: Any) -> Stage:
        return Stage(tmp_path / "midi.toml", *tables, **options)

    return build


def test_a_controller_turns_the_knob_over_its_range(stage: Any) -> None:
    show = stage({"cc": 7, "target": MIX, "low": 0.75, "high": 0.25})
    show.play([0xB3, 7, 0])
    assert show.desk.value(MIX) == 0.75
    show.play([0xB0, 7, 127])
    assert show.desk.value(MIX) == 0.25


def test_repeated_equal_messages_act(stage: Any) -> None:
    show = stage(
        {"cc": 7, "target": "a.delay.bypass", "mode": "toggle"},
        {"note": 60, "target": "action:next"},
        {"cc": 8, "target": "action:bypass", "mode": "toggle"},
    )
    show.play([0xB0, 7, 127])
    assert show.desk.value("a.delay.bypass") == 1.0
    show.play([0xB0, 7, 127])
    assert show.desk.value("a.delay.bypass") == 0.0
    show.play([0xB0, 8, 127], [0xB0, 8, 127], [0xB0, 8, 127])
    assert show.desk.bypassed
    show.play([0x90, 60, 1], [0x90, 60, 1])
    assert show.desk.at == 2


def test_a_momentary_switch_holds_as_long_as_the_foot(stage: Any) -> None:
    show = stage(
        {"cc": 7, "target": "a.mute", "mode": "momentary"},
        {"note": 40, "target": "a.delay.bypass", "mode": "momentary"},
    )
    for address, on, off in (
        ("a.mute", [0xB0, 7, 127], [0xB0, 7, 0]),
        ("a.delay.bypass", [0x90, 40, 9], [0x80, 40, 0]),
    ):
        show.play(on)
        assert show.desk.value(address) == 1.0
        show.play(off)
        assert show.desk.value(address) == 0.0


def test_a_momentary_switch_comes_up_when_its_preset_is_left(stage: Any) -> None:
    low = {"cc": 8, "target": MIX, "mode": "momentary", "low": 0.75, "high": 0.25}
    show = stage({"note": 40, "target": "a.delay.bypass", "mode": "momentary"}, low)
    show.play([0x90, 40, 9], [0xB0, 8, 127])
    assert (show.desk.value("a.delay.bypass"), show.desk.value(MIX)) == (1.0, 0.25)
    show.desk.select(1, "keys")
    show.desk.set("a.delay.bypass", 1.0)
    show.play([0x80, 40, 0], [0xB0, 8, 0])  # nothing was pressed here
    assert (show.desk.value("a.delay.bypass"), show.desk.value(MIX)) == (1.0, 1.0)
    show.desk.select(0, "keys")
    assert (show.desk.value("a.delay.bypass"), show.desk.value(MIX)) == (0.0, 0.75)
    assert not show.desk.undo()  # a button is no move


def test_what_was_held_down_at_a_port_that_has_gone_comes_up(stage: Any) -> None:
    show = stage({"note": 40, "target": "a.delay.bypass", "mode": "momentary"})
    show.play([0x90, 60, 9], [0xB0, 64, 127], [0x90, 40, 9])
    show.midi.hear(bytes((0x90, 62, 9)), show.now, "another")
    show.host.notes.clear()
    show.midi.actor.release("port")
    assert show.host.notes == [bytes((0x80, 60, 0)), bytes((0xB0, 64, 0))]
    assert show.desk.value("a.delay.bypass") == 0.0 and show.midi.notes.held == 1


def test_what_a_button_turns_is_shown_by_rings_and_faders(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"note": 40, "target": "action:compare"}, {"note": 41, "target": "action:undo"}
    show = stage({"cc": 7, "target": MIX}, *keys, outputs=("desk",))
    sent: list[bytes] = []
    monkeypatch.setattr(show.midi, "_send", lambda data, _: sent.append(data))
    show.play([0xB0, 7, 0])
    assert not sent  # it stands there already
    show.play([0x90, 40, 9])
    assert (show.desk.value(MIX), sent) == (1.0, [bytes((0xB0, 7, 127))])
    show.play([0x90, 40, 9], [0x90, 41, 9])
    assert sent[1:] == [bytes((0xB0, 7, 0)), bytes((0xB0, 7, 127))]


def test_a_preset_that_is_left_while_a_message_is_looked_up_leaves_nothing(stage: Any) -> None:
    show = stage(own=[{"cc": 7, "target": "a.pan"}])
    show.desk.slots[1].rack = show.desk.rack.__class__(
        **{**vars(show.desk.slots[1].rack), "midi": ({"cc": 7, "target": MIX},)}
    )
    book, store = show.midi.book, show.midi.book.store

    class Leaving:
        """A store that is asked just when another thread selects the other preset."""

        @property
        def mappings(self) -> Any:
            if show.desk.at == 0:
                show.desk.select(1)
                assert [one.target for one in book.preset] == [MIX]
            return store.mappings

    book.store = Leaving()
    show.play([0xB0, 7, 0], [0xB0, 7, 0])
    assert show.desk.value(MIX) == 0.0


@pytest.mark.parametrize("mode", RELATIVE)
def test_an_encoder_moves_the_knob_from_where_it_is_and_stops_at_the_ends(
    stage: Any, mode: str
) -> None:
    right = {"relative-twos": 1, "relative-sign": 1, "relative-offset": 65}[mode]
    left = {"relative-twos": 127, "relative-sign": 65, "relative-offset": 63}[mode]
    show = stage({"cc": 7, "target": "a.pan", "mode": mode})
    show.play([0xB0, 7, right], [0xB0, 7, right])
    assert show.desk.position("a.pan") == pytest.approx(0.5 + 2 / 127)
    show.play(*[[0xB0, 7, left]] * 200)
    assert show.desk.position("a.pan") == 0.0
    show.play(*[[0xB0, 7, right]] * 127)
    assert show.desk.position("a.pan") == pytest.approx(1.0)


def test_pick_up_waits_for_the_knob_and_again_after_another_hand(stage: Any) -> None:
    show = stage({"cc": 7, "target": MIX, "takeover": "pickup"})
    show.desk.set(MIX, 0.5, "web")
    show.play([0xB0, 7, 0], [0xB0, 7, 20])
    assert show.desk.value(MIX) == 0.5
    show.play([0xB0, 7, 90])
    assert show.desk.value(MIX) == pytest.approx(90 / 127)
    show.desk.set(MIX, 0.1, "web")
    show.play([0xB0, 7, 91])
    assert show.desk.value(MIX) == 0.1
    show.play([0xB0, 7, 1])
    assert show.desk.value(MIX) == pytest.approx(1 / 127)
    show.desk.select(1)  # its wet is 1
    show.play([0xB0, 7, 60])
    assert show.desk.value(MIX) == 1.0


def test_the_presets_mappings_win_over_the_players(stage: Any) -> None:
    show = stage({"cc": 7, "target": MIX}, own=[{"cc": 7, "channel": 1, "target": "a.pan"}])
    show.play([0xB0, 7, 0])
    assert (show.desk.value("a.pan"), show.desk.value(MIX)) == (-1.0, 1.0)
    show.play([0xB1, 7, 0])  # another channel: only the player's hears it
    assert show.desk.value(MIX) == 0.0
    show.desk.select(1)
    show.play([0xB0, 7, 0])
    assert (show.desk.value("a.pan"), show.desk.value(MIX)) == (0.0, 0.0)


def test_a_mistake_in_a_preset_leaves_its_other_mappings_and_is_told_by_its_reader(
    stage: Any,
) -> None:
    show = stage(own=[{"cc": 7}, {"cc": 8, "target": MIX}])
    show.play([0xB0, 8, 0], [0xB0, 8, 0])
    assert show.desk.value(MIX) == 0.0
    assert show.said("message") == []
    assert mistakes(show.desk.rack, "one.toml") == [
        'one.toml: midi 1: has no target; write target = "lane.plugin.param" or "action:tap"'
    ]


def test_a_program_change_selects_the_preset_and_an_unknown_one_is_a_message(stage: Any) -> None:
    show = stage()
    show.play([0xC5, 2])
    assert show.desk.at == 2
    show.play([0xC5, 99], [0xC5, 99])
    assert show.desk.at == 2
    assert [m["text"] for m in show.said("message")] == [
        "MIDI program 99: there is no preset 100; there are 3"
    ]


def test_while_a_plugin_leads_a_midi_clock_sets_nothing(stage: Any) -> None:
    show = stage()
    show.desk.pulse = Pulsing(True, 97.0, 0.0, 0, 4, 0.9, 0, 0.0)
    show.desk.clock.set(97.0, source="pulse")
    show.play(*[[0xF8]] * 100, gap_ms=25.0)
    assert (show.desk.clock.tempo_bpm, show.desk.clock.source) == (97.0, "pulse")
    show.desk.pulse = None
    show.play(*[[0xF8]] * 10, gap_ms=25.0)
    assert show.desk.clock.tempo_bpm == pytest.approx(100.0)
    assert show.desk.clock.source == "midi"


def test_program_changes_can_be_switched_off_mapped_and_counted_in_banks(stage: Any) -> None:
    show = stage(programs=False)
    show.play([0xC0, 2])
    assert show.desk.at == 0
    show = stage({"program": 9, "target": "action:select:1"})
    show.play([0xC0, 9])
    assert show.desk.at == 1
    show = stage(banks=True)
    show.play([0xB0, 0, 0], [0xB0, 32, 1], [0xC0, 2], [0xB0, 32, 0], [0xC0, 1])
    assert "there is no preset 131" in show.said("message")[0]["text"]
    assert show.desk.at == 1


def test_what_is_not_mapped_is_played_and_what_is_mapped_is_not(stage: Any) -> None:
    show = stage({"note": 60, "target": "action:tap"})
    played = [[0x90, 61, 9], [0xE0, 0, 64], [0xB0, 64, 127], [0xD0, 50], [0x80, 61, 0]]
    show.play([0x90, 60, 9], *played, [0x80, 60, 0])
    assert show.host.notes == [*map(bytes, played[:-1]), bytes([0x80, 61, 0])]


def test_panic_from_anywhere_ends_every_note_on_every_channel(stage: Any) -> None:
    show = stage()
    show.play([0x90, 61, 9], [0x93, 70, 9])
    assert show.midi.notes.held == 2
    show.host.notes.clear()
    show.desk.act("panic", source="web")
    assert show.midi.notes.held == 0
    assert show.host.notes[:2] == [bytes([0x80, 61, 0]), bytes([0x83, 70, 0])]
    ends = {bytes((0xB0 | c, n, 0)) for c in range(16) for n in (64, 120, 123)}
    assert set(show.host.notes[2:]) == ends


def test_a_broken_message_is_counted_and_the_next_one_heard(stage: Any) -> None:
    show = stage({"cc": 7, "target": MIX})
    show.play([], [7], [0xB0], [0xB0, 7], [0xB0, 200, 1], [0xB0, 7, 1, 1], [0xB0, 7, 0])
    assert show.midi.malformed == 6
    assert show.desk.value(MIX) == 0.0


unhurried = settings(deadline=None, max_examples=50)
CROWDED = [
    *({"cc": n, "target": MIX, "mode": mode, "low": 0.9} for n, mode in enumerate(MODES)),
    *({"note": n, "target": f"action:{a}"} for n, a in enumerate(ACTIONS) if a != "select"),
    {"cc14": 7, "target": TIME, "takeover": "pickup"},
    {"pitchbend": True, "target": "a.pan"},
    {"aftertouch": True, "target": "a.gain_db"},
    {"polytouch": 3, "target": "a.mute", "mode": "momentary"},
    {"program": "any", "target": "action:select"},
    {"cc": 9, "target": "action:select", "mode": "relative-sign"},
    {"cc": 10, "target": "b.is.elsewhere"},
    {"cc": 11, "target": "action:record", "mode": "momentary"},
]  # fmt: skip
BYTES = st.binary(max_size=4) | st.tuples(
    st.integers(0x80, 0xFF), st.integers(0, 40), st.integers(0, 127)
).map(bytes)


@unhurried
@given(st.lists(BYTES, max_size=60), st.booleans())
def test_whatever_is_sent_nothing_is_raised(
    tmp_path_factory: pytest.TempPathFactory, messages: list[bytes], learning: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("fuzz")
        patch.setattr(preset, "user_folder", lambda: folder)
        show = Stage(folder / "midi.toml", *CROWDED, banks=True)
        assert not show.midi.book.store.problems
        for message in messages:
            if learning and not show.midi.learning.waiting:
                show.midi.learning.learn("a.pan")
            show.play(list(message))
            show.wait(0.1)
    assert show.midi.received == len(messages)
    for address, param in show.desk.params().items():
        assert param.minimum <= show.desk.value(address) <= param.maximum
