"""MIDI learn: which control a hand moves, and where that is kept. No ports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from control.midi_stage import MIX, TIME, Stage

from engine.control.midi import MidiError
from engine.control.midi.store import Store


@pytest.fixture
def stage(tmp_path: Path) -> Any:
    def build(*tables: dict[str, Any], **options: Any) -> Stage:
        return Stage(tmp_path / "midi.toml", *tables, **options)

    return build


def values(number: int, *given: int, channel: int = 0) -> list[list[int]]:
    return [[0xB0 | channel, number, value] for value in given]


LEARNT = {
    "a knob": (TIME, values(21, 40, 41, 43, 46, 50), "cc", 21, "absolute"),
    "a knob at its end": (TIME, values(21, 124, 125, 126, 127), "cc", 21, "absolute"),
    "a button for a knob": (TIME, values(21, 127), "cc", 21, "absolute"),
    "a pedal for a switch": (
        "a.delay.bypass",
        values(4, 127, 0),
        "cc",
        4,
        "toggle",
    ),
    "a pedal for an action": ("action:next", values(4, 127), "cc", 4, "absolute"),
    "twos": (TIME, values(9, 1, 1, 127, 1), "cc", 9, "relative-twos"),
    "sign": (TIME, values(9, 1, 65, 1, 66), "cc", 9, "relative-sign"),
    "offset": (TIME, values(9, 63, 63, 65), "cc", 9, "relative-offset"),
    "14 bit": (
        TIME,
        [[0xB0, n, v] for v in (50, 51, 52) for n in (3, 35)],
        "cc14",
        3,
        "absolute",
    ),
    "the pedal that moved": (
        TIME,
        [*values(1, 5), *values(2, 9, 30), *values(1, 6)],
        "cc",
        2,
        "absolute",
    ),
    "a pad": ("a.delay.bypass", [[0x90, 36, 99]], "note", 36, "toggle"),
    "a program": ("action:select:2", [[0xC0, 5]], "program", 5, "absolute"),
    "the bender": (TIME, [[0xE0, 0, 65], [0xE0, 0, 127]], "pitchbend", None, "absolute"),
}  # fmt: skip


@pytest.mark.parametrize("case", LEARNT)
def test_learn_sees_what_kind_of_control_it_is(stage: Any, case: str) -> None:
    target, messages, kind, number, mode = LEARNT[case]
    show = stage()
    show.midi.learning.learn(target)
    show.play(*messages)
    show.wait(1.1)
    (one,) = show.midi.book.store.mappings
    assert (one.target, one.kind, one.number, one.mode) == (target, kind, number, mode)
    told = show.said("learn")
    assert [facts["waiting"] for facts in told] == [True, False]
    assert told[1] == {"target": target, "waiting": False, "mapping": one.words()}
    assert Store(show.midi.book.store.path).mappings == (one,)


def test_a_control_learnt_again_is_replaced_and_a_target_may_have_several(stage: Any) -> None:
    show = stage({"cc": 5, "target": MIX}, own=[{"cc": 6, "target": "a.pan"}])
    for number, target in ((6, MIX), (7, MIX), (7, TIME)):
        show.midi.learning.learn(target)
        show.play(*values(number, 10, 60))
        show.wait(0.5)
    assert show.midi.learning.described() == [
        {"target": MIX, "control": "CC 5", "keep": "global"},
        {"target": MIX, "control": "CC 6, channel 1", "keep": "global"},
        {"target": TIME, "control": "CC 7, channel 1", "keep": "global"},
    ]
    show.midi.learning.forget(MIX)
    assert [one["target"] for one in show.midi.learning.described()] == [TIME]


def test_what_is_learnt_for_the_preset_stays_with_it_and_is_not_undone(stage: Any) -> None:
    show = stage()
    show.desk.set(MIX, 0.3)
    show.midi.learning.learn(TIME, keep="preset")
    show.play(*values(7, 10, 60))
    show.wait(0.5)
    table = {"cc": 7, "channel": 1, "target": TIME, "mode": "absolute"}
    assert show.desk.rack.midi == show.host.rack.midi == (table,)
    assert show.midi.learning.described()[0]["keep"] == "preset"
    show.desk.undo()
    assert show.desk.value(MIX) == 1.0 and show.desk.rack.midi == (table,)
    assert not show.midi.book.store.mappings
    show.desk.select(1)
    assert not show.midi.learning.described()


def test_what_others_have_written_into_the_file_is_kept_and_holds(stage: Any) -> None:
    show = stage()
    file = show.midi.book.store.path
    file.write_text('[[midi]]\ncc = 9\ntarget = "a.pan"\n')
    show.midi.learning.learn(MIX)
    show.play(*values(7, 10, 60))
    show.wait(0.5)
    assert [one.target for one in Store(file).mappings] == ["a.pan", MIX]
    show.play([0xB0, 9, 0], [0xB0, 7, 0])
    assert (show.desk.value("a.pan"), show.desk.value(MIX)) == (-1.0, 0.0)
    file.write_text("[[midi")
    show.midi.learning.learn(TIME)
    show.play(*values(8, 10, 60))
    show.wait(0.5)
    assert file.read_text() == "[[midi"
    assert "is not TOML" in show.said("message")[-1]["text"]


def test_while_one_learns_the_control_does_not_act_and_then_it_does(stage: Any) -> None:
    show = stage({"cc": 7, "target": "a.pan"})
    show.midi.learning.learn(MIX)
    show.play(*values(7, 10, 60))
    show.wait(0.5)
    assert show.desk.value("a.pan") == 0.0
    show.play([0xB0, 7, 0])
    assert (show.desk.value(MIX), show.desk.value("a.pan")) == (0.0, 0.0)


def test_learn_can_be_cancelled_and_refuses_what_there_is_not(stage: Any) -> None:
    show = stage()
    show.midi.learning.learn(MIX)
    show.midi.learning.cancel()
    show.play(*values(7, 10, 60))
    show.wait(2.0)
    assert not show.midi.learning.described()
    for target in ("a.delay.nothing", "action:dance", "x", "a.delay.bypass.x"):
        with pytest.raises(MidiError):
            show.midi.learning.learn(target)
    assert not show.midi.learning.waiting
