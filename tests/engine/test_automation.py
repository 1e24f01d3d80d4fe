"""Automation: where a file says a knob goes, it goes, then; what is unfit is named by its line."""

import mido
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import preset
from engine.automation import AutomationError, load, messages_in, parse_controller
from engine.cli import main
from engine.kernel import Audio, kernel
from engine.plugin import Plugin
from engine.rack import Lane, Link, Rack
from engine.render import Move, play

RATE = 48_000
RACK = Rack("test", lanes=(Lane("guitar", "left", (Link("gain", "gain"),)),))
MANY = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def moves_in(tmp_path, text, rate=RATE):
    path = tmp_path / "a.csv"
    path.write_text(text)
    return load(path, RACK, rate)


def refused(tmp_path, text):
    with pytest.raises(AutomationError) as caught:
        moves_in(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'a.csv'}: ")
    assert "\n" not in message
    return message


def check_line(path, message):
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1


def midi_file(path, *events, tracks=(), **keywords):
    midi = mido.MidiFile(**keywords)
    for messages in (events, *tracks):
        midi.tracks.append(mido.MidiTrack(messages))
    midi.save(path)
    return path


def turn(value, time=0, control=20):
    return mido.Message("control_change", control=control, value=value, time=time)


def test_a_csv_becomes_moves_in_frames(tmp_path):
    text = "time,parameter,value\n0.5,guitar.gain.gain_db,-6\n\n1,guitar.mute,on # quiet\n"
    assert moves_in(tmp_path, text) == [
        Move(24_000, "guitar.gain.gain_db", -6.0),
        Move(48_000, "guitar.mute", 1.0),
    ]


def test_the_header_and_spaces_and_quotes_and_a_byte_order_mark_do_not_matter(tmp_path):
    plain = moves_in(tmp_path, "0.5,guitar.gain.gain_db,-6\n")
    assert (
        moves_in(tmp_path, '\ufeffTime, Parameter, Value\n"0.5" , guitar.gain.gain_db , -6')
        == plain
    )
    assert moves_in(tmp_path, "# hello\n0.5,guitar.gain.gain_db,-6\r\n") == plain


@pytest.mark.parametrize("text", ["", "time,parameter,value\n", "\n# nothing yet\n"])
def test_a_csv_that_moves_nothing_is_a_mistake(tmp_path, text):
    assert "moves nothing" in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("time", "frame"), [("0", 0), ("1.5", 72_000), ("1:02.25", 2_988_000), ("1:00:01", 172_848_000)]
)
def test_time_is_seconds_or_minutes_or_hours(tmp_path, time, frame):
    assert moves_in(tmp_path, f"{time},guitar.pan,0")[0].frame == frame


def test_a_move_is_at_the_same_time_at_any_rate(tmp_path):
    assert moves_in(tmp_path, "0.5,guitar.pan,0", 44_100)[0].frame == 22_050


@pytest.mark.parametrize("time", ["", "x", "-1", "1:60", "1:-2", "nan", "inf", "1:2:3:4", "1e9"])
def test_a_time_that_is_none_is_named_by_its_line(tmp_path, time):
    message = refused(tmp_path, f"0,guitar.pan,0\n{time},guitar.pan,0")
    assert f"line 2: time {time!r}" in message


def test_an_unknown_parameter_is_answered_with_what_is_near(tmp_path):
    message = refused(tmp_path, "time,parameter,value\n0,guitar.gane.gain_db,3")
    assert "line 2: there is no parameter 'guitar.gane.gain_db'" in message
    assert "guitar.gain.gain_db" in message


@pytest.mark.parametrize("value", ["900", "loud", "nan", "", "1e999"])
def test_a_value_outside_the_range_is_answered_with_the_range(tmp_path, value):
    assert "-60 to 36 dB" in refused(tmp_path, f"0,guitar.gain.gain_db,{value}")


@pytest.mark.parametrize("row", ["0", "0,guitar.pan", "0,guitar.pan,0,0", "0;guitar.pan;0"])
def test_a_row_that_is_not_three_cells_is_named(tmp_path, row):
    assert f"line 1: {row!r} is not time, parameter, value" in refused(tmp_path, row)


def test_what_is_not_a_file_of_text_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(AutomationError, match=str(path)):
            load(path, RACK, RATE)
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(AutomationError, match="neither text nor MIDI"):
        load(tmp_path / "a.csv", RACK, RATE)


@given(text=st.text(st.characters(codec="utf-8"), max_size=80))
@MANY
def test_any_text_is_moves_or_one_clear_line(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(f"0,guitar.pan,0\n{text}", encoding="utf-8")
    try:
        assert load(path, RACK, RATE)[0] == Move(0, "guitar.pan", 0.0)
    except AutomationError as error:
        check_line(path, str(error))


def test_automation_is_heard_when_it_says(tmp_path):
    moves = moves_in(tmp_path, "0.5,guitar.gain.gain_db,-60")
    sound = play(RACK, np.ones((RATE, 1), np.float32), RATE, moves=moves)
    np.testing.assert_array_equal(sound[: RATE // 2], 1.0)
    np.testing.assert_allclose(sound[-RATE // 4 :], 0.001, rtol=1e-4)


def test_a_controller_spans_the_range_of_its_parameter(tmp_path):
    path = midi_file(tmp_path / "a.mid", turn(0), turn(127, 480))
    moves = load(path, RACK, RATE, [(20, "guitar.pan")])
    assert moves == [Move(0, "guitar.pan", -1.0), Move(RATE // 2, "guitar.pan", 1.0)]


def test_one_controller_may_turn_two_knobs_and_others_turn_none(tmp_path):
    path = midi_file(tmp_path / "a.mid", turn(127), turn(5, control=7))
    moves = load(path, RACK, RATE, [(20, "guitar.pan"), (20, "guitar.gain.wet")])
    assert {move.address: move.value for move in moves} == {"guitar.pan": 1, "guitar.gain.wet": 1}


def test_the_tempo_map_is_honoured_across_tracks(tmp_path):
    tempi = (
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(60), time=0),
        mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(240), time=960),
    )
    turns = (turn(0, 480), turn(64, 480), turn(127, 480))
    path = midi_file(tmp_path / "a.mid", *tempi, tracks=[turns], type=1)
    frames = [move.frame for move in load(path, RACK, RATE, [(20, "guitar.pan")])]
    assert frames == [RATE, 2 * RATE, 2 * RATE + RATE // 4]


def test_ticks_may_be_shares_of_a_frame_of_film(tmp_path):
    path = midi_file(tmp_path / "a.mid", turn(0, 1000))
    data = bytearray(path.read_bytes())
    data[12:14] = bytes([256 - 25, 40])  # 25 frames a second, 40 ticks each
    path.write_bytes(data)
    assert load(path, RACK, RATE, [(20, "guitar.pan")])[0].frame == RATE


def test_midi_without_a_controller_or_with_none_of_those_wanted_is_refused(tmp_path):
    path = midi_file(tmp_path / "a.mid", turn(3, control=7))
    with pytest.raises(AutomationError, match="--cc"):
        load(path, RACK, RATE)
    with pytest.raises(AutomationError, match="does not move CC 20; it moves 7"):
        load(path, RACK, RATE, [(20, "guitar.pan")])


def test_midi_of_type_2_is_refused(tmp_path):
    path = midi_file(tmp_path / "a.mid", turn(0), type=2)
    with pytest.raises(AutomationError, match="type 2"):
        load(path, RACK, RATE, [(20, "guitar.pan")])


@given(cut=st.integers(0, 200), place=st.integers(4, 60), byte=st.integers(0, 255))
@MANY
def test_broken_midi_is_moves_or_one_clear_line(tmp_path, cut, place, byte):
    whole = tmp_path / "whole.mid"
    if not whole.exists():
        midi_file(
            whole,
            mido.MetaMessage("set_tempo", tempo=400_000),
            mido.MetaMessage("key_signature", key="D"),
            *[turn(value, 10) for value in range(20)],
        )
    data = bytearray(whole.read_bytes())
    data[place] = byte
    path = tmp_path / "a.mid"
    path.write_bytes(data[: len(data) - cut])
    try:
        load(path, RACK, RATE, [(20, "guitar.pan")])
    except AutomationError as error:
        check_line(path, str(error))


def test_a_controller_is_a_number_and_an_address():
    assert parse_controller("20=guitar.gain.wet", RACK) == (20, "guitar.gain.wet")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("20", "is not NUMBER=ADDRESS"),
        ("128=guitar.pan", "'128' is not a controller from 0 to 127"),
        ("x=guitar.pan", "'x' is not a controller"),
        ("20=guitar.pam", "near to it: guitar.pan"),
    ],
)
def test_a_controller_that_is_none_is_refused(text, complaint):
    with pytest.raises(AutomationError, match=complaint):
        parse_controller(text, RACK)


class Counts(Plugin):
    """Sends a step of its size for every note that begins, at its frame."""

    plays_notes = True

    @kernel
    def process(audio: Audio, knobs, state) -> None:
        noted = state.noted
        for i in range(audio.shape[1]):
            audio[0, i] = 0.0
            while noted[1] < noted[0] and state.notes[noted[1] % 256, 0] <= noted[2] + i:
                message = state.notes[noted[1] % 256, 1]
                noted[1] += 1
                if message & 0xF0 == 0x90:
                    audio[0, i] += np.float32((message >> 8) & 127)


def test_notes_of_a_midi_file_come_to_instruments_at_their_frames(tmp_path, use):
    tempo = mido.MetaMessage("set_tempo", tempo=1_000_000)
    begins = mido.Message("note_on", note=60, velocity=100, time=480)
    path = midi_file(
        tmp_path / "a.mid", tempo, begins, begins.copy(note=64, time=0), begins.copy(velocity=0),
        mido.Message("program_change", program=3),
    )  # fmt: skip
    messages = messages_in(path, RATE)
    assert [(one.frame, one.data[:2]) for one in messages] == [
        (RATE, b"\x90\x3c"), (RATE, b"\x90\x40"), (2 * RATE, b"\x90\x3c")
    ]  # fmt: skip
    rack = Rack("test", lanes=(Lane("a", "left", (Link("delay", "d"), use(Counts))),))
    made = play(rack, np.zeros((RATE + 640, 1), np.float32), RATE, 333, messages)[:, 0]
    assert list(np.flatnonzero(made)) == [RATE] and made[RATE] == 124.0


@pytest.mark.parametrize("at", [480, 2400])
def test_a_tune_is_rendered_to_its_end_where_the_input_is_shorter(tmp_path, use, at):
    rack = Rack("t", lanes=(Lane("a", "left", (Link("delay", "d"), use(Counts))),))
    (tmp_path / "t.toml").write_text(preset.dump(rack))
    soundfile.write(tmp_path / "in.wav", np.zeros(RATE), RATE)
    midi_file(tmp_path / "a.mid", mido.Message("note_on", note=60, velocity=100, time=at))
    names = [str(tmp_path / name) for name in ("in.wav", "out.wav", "t.toml", "a.mid")]
    chosen = ["--preset", names[2], "--notes", names[3], "--tail", "0.01"]
    assert main(["render", *names[:2], *chosen]) == 0
    made = soundfile.read(tmp_path / "out.wav")[0][:, 0]
    begins = at * RATE // 960
    assert list(np.flatnonzero(made)) == [begins]
    assert len(made) == max(RATE, begins + 1) + RATE // 100


def test_a_tune_of_days_is_refused_in_one_line(tmp_path, use, capsys):
    rack = Rack("t", lanes=(Lane("a", "left", (use(Counts),)),))
    (tmp_path / "t.toml").write_text(preset.dump(rack))
    soundfile.write(tmp_path / "in.wav", np.zeros(RATE), RATE)
    midi_file(tmp_path / "a.mid", mido.Message("note_on", note=60, velocity=1, time=200_000_000))
    names = [str(tmp_path / name) for name in ("in.wav", "out.wav", "t.toml", "a.mid")]
    assert main(["render", *names[:2], "--preset", names[2], "--notes", names[3]]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "a.mid: lasts 208333 s; allowed are 86400 s" in told
    assert not (tmp_path / "out.wav").exists()


def test_a_file_without_notes_is_refused_in_one_line(tmp_path):
    (tmp_path / "a.csv").write_text("0, guitar.gain.gain_db, 0\n")
    for path in (midi_file(tmp_path / "a.mid", turn(3)), tmp_path / "a.csv", tmp_path / "no.mid"):
        with pytest.raises(AutomationError) as caught:
            messages_in(path, RATE)
        check_line(path, str(caught.value))
