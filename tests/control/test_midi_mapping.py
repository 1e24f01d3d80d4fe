"""Mappings: tables and files, encoders, pairs, presses, picking a knob up, notes. No ports."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from control.midi_stage import MIX
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import preset
from engine.control.midi import MidiError, mapping
from engine.control.midi.controls import Pair, Pickup, Press, clicks
from engine.control.midi.mapping import KINDS, MODES, NUMBERED, Mapping
from engine.control.midi.messages import parse
from engine.control.midi.notes import Notes
from engine.control.midi.store import Store, text
from engine.rack import Lane, Rack

unhurried = settings(deadline=None, max_examples=50)


@st.composite
def mappings(draw: Any) -> Mapping:
    kind = draw(st.sampled_from(KINDS))
    number = draw(st.integers(0, NUMBERED[kind])) if kind in NUMBERED else None
    end = st.floats(0.0, 1.0)
    return Mapping(
        kind,
        draw(st.sampled_from([MIX, "a.gain_db", "action:tap", "action:select:7"])),
        number,
        draw(st.none() | st.integers(1, 16)),
        draw(st.sampled_from(MODES if kind == "cc" else MODES[:3])),
        draw(end),
        draw(end),
        draw(st.sampled_from(["jump", "pickup"])),
    )


@unhurried
@given(mappings())
def test_a_mapping_reads_back_from_its_table_in_both_kinds_of_file(one: Mapping) -> None:
    table = mapping.dump(one)
    assert mapping.parse(table, "here") == (one, [])
    (read,) = tomllib.loads(text([table]))["midi"]
    assert mapping.parse(read, "here") == (one, [])
    rack = preset.parse(preset.dump(Rack("x", lanes=(Lane("a"),), midi=(table,))), "x.toml").rack
    assert mapping.parse(rack.midi[0], "here") == (one, [])


@unhurried
@given(st.recursive(st.booleans() | st.integers() | st.text(), lambda v: st.lists(v, max_size=3)))
def test_whatever_stands_in_a_table_is_one_clear_line_or_a_mapping(value: Any) -> None:
    good = {"cc": 7, "target": MIX}
    for key in ("cc", "note", "program", "channel", "target", "mode", "low", "takeover"):
        try:
            mapping.parse({**good, key: value}, "midi 1")
        except MidiError as error:
            assert str(error).startswith("midi 1: ") and "\n" not in str(error)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"target": MIX}, "names no control; write one of cc, cc14, note"),
        ({"cc": 1, "note": 2, "target": MIX}, "names cc and note"),
        ({"cc": 128, "target": MIX}, "cc = 128 is not 0 to 127"),
        ({"cc14": 32, "target": MIX}, "cc14 = 32 is not 0 to 31"),
        ({"cc": 1, "channel": 0, "target": MIX}, "channel = 0 is not 1 to 16"),
        ({"cc": 1, "target": "action:dance"}, "an action is one of next, previous"),
        ({"cc": 1, "target": "delay"}, "'delay' is not lane.plugin.param or action:NAME"),
        ({"note": 1, "target": "action:select"}, "write which preset, as in action:select:3"),
        ({"note": 1, "target": MIX, "mode": "relative-twos"}, "is for cc, not for note"),
        ({"cc": 1, "target": MIX, "low": 1.5}, "low = 1.5 is not a position from 0 to 1"),
        ({"pitchbend": 3, "target": MIX}, "pitchbend = 3 is not true"),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(table: dict[str, Any], said: str) -> None:
    with pytest.raises(MidiError) as caught:
        mapping.parse(table, "midi 1")
    assert said in str(caught.value)


def test_an_unknown_key_only_warns() -> None:
    found, warnings = mapping.parse({"cc": 1, "target": MIX, "colour": "red"}, "midi 1")
    assert found.number == 1
    assert warnings == ["midi 1: 'colour' is not known here and is ignored"]


def test_a_table_with_a_mistake_stays_in_the_file_that_is_written(tmp_path: Path) -> None:
    path = tmp_path / "midi.toml"
    path.write_text('[[midi]]\ncc = 300\ntarget = "x.y"\n\n[[midi]]\ncc = 3\ntarget = "x.y"\n')
    store = Store(path)
    assert [m.number for m in store.mappings] == [3] and "cc = 300" in store.problems[0]
    store.keep([Mapping("note", MIX, 60)])
    assert [m.kind for m in Store(path).mappings] == ["note"]
    assert "cc = 300" in Store(path).problems[0]
    assert [one.name for one in tmp_path.iterdir()] == ["midi.toml"]


def test_a_file_that_is_no_toml_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "midi.toml"
    path.write_text("[[midi\n")
    store = Store(path)
    assert "is not TOML" in store.problems[0]
    with pytest.raises(MidiError, match="mend it"):
        store.keep([Mapping("cc", MIX, 1)])
    assert path.read_text() == "[[midi\n"


@unhurried
@given(st.integers(-15, 15))
def test_the_three_ways_to_count_clicks_agree(by: int) -> None:
    assert clicks(by % 128, "relative-twos") == by
    assert clicks(by if by >= 0 else 64 - by, "relative-sign") == by
    assert clicks(64 + by, "relative-offset") == by


@unhurried
@given(st.lists(st.integers(0, 16383), min_size=1))
def test_a_pair_stands_where_its_two_last_bytes_say(values: list[int]) -> None:
    pair = Pair()
    for value in values:
        pair.heard(False, value >> 7)
        assert pair.heard(True, value & 127) == value / 16383


@unhurried
@given(st.lists(st.integers(0, 127), min_size=1))
def test_high_bytes_alone_have_seven_bits_and_reach_both_ends(values: list[int]) -> None:
    pair = Pair()
    assert [pair.heard(False, value) for value in values] == [value / 127 for value in values]


@unhurried
@given(st.floats(0.0, 1.0), st.lists(st.integers(0, 127), min_size=1, max_size=40))
def test_a_picked_up_knob_moves_only_after_it_was_reached_or_crossed(
    knob: float, values: list[int]
) -> None:
    pickup, before, reached = Pickup(), None, False
    for value in values:
        at = value / 127
        crossed = before is not None and min(before, at) <= knob <= max(before, at)
        reached = reached or crossed or abs(at - knob) <= 1.5 / 127
        holds = pickup.holds(at, knob)
        assert holds == reached
        if holds:
            knob = pickup.put = at
        before = at


def test_a_press_repeated_is_two_and_a_knob_on_its_way_up_is_one() -> None:
    press = Press()
    assert [press.heard(v / 127) for v in (127, 127, 0, 127)] == [True, True, False, True]
    press = Press()
    assert sum(press.heard(v / 127) for v in range(128)) == 1


@unhurried
@given(st.binary(max_size=6))
def test_garbage_is_counted_and_nothing_else(data: bytes) -> None:
    message = parse(data)
    assert message is None or (data[0] >= 0x80 and message.data == data)
    assert message is None or data[0] == 0xF0 or all(byte < 0x80 for byte in data[1:])


@unhurried
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1))))
def test_doubled_and_lost_notes_leave_none_hanging(played: list[tuple[int, int]]) -> None:
    sounding: dict[int, int] = {}

    def instrument(data: bytes, stamp: int | None) -> None:
        if data[0] & 0xF0 == 0x90:
            sounding[data[1]] = sounding.get(data[1], 0) + 1
        elif data[0] & 0xF0 == 0x80:
            sounding[data[1]] -= 1

    notes = Notes(instrument)
    for note, on in played:
        message = parse(bytes((0x90, note, 100 * on)))
        assert message is not None
        notes.play(message)
        assert sounding.get(note, 0) == on
    assert notes.held == sum(sounding.values())
    notes.panic()
    assert not any(sounding.values()) and notes.held == 0
