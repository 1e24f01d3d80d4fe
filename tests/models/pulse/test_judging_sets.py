"""The excerpts by which followers are judged: held-out people, true beats, made once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.pulse.curves import steady
from models.pulse.errors import PulseError
from models.pulse.judging import FREE, SETS, development_excerpts, excerpts, quick
from models.pulse.judging.announced import Announced
from models.pulse.judging.cast import development, unheard
from models.pulse.judging.excerpts import RATE, SECONDS, Excerpt, make
from models.pulse.judging.grooves import SILENT_BEATS
from models.pulse.judging.looping import Looped
from models.pulse.judging.sets import DATA, GROOVES
from models.pulse.rendering import DEFAULT_FONT, Piece, drum_strokes, render
from models.pulse.takes import DEVELOPMENT, HELD_OUT, parted, trios

needs_data = pytest.mark.skipif(
    not (DATA / "drums" / "gmd").is_dir() or not (DATA / "music" / "sonic-pi").is_dir(),
    reason="needs the drum takes and loops in ../shared/data",
)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TARAF_EXCERPTS", str(tmp_path))
    return tmp_path


@pytest.fixture
def loop(tmp_path: Path) -> Path:
    """Four beats of 0.4 s, a click at the start of each."""
    import soundfile

    sound = np.zeros(round(1.6 * RATE), np.float32)
    for beat in range(4):
        first = round(0.4 * beat * RATE)
        sound[first : first + 100] = np.linspace(0.9, 0.0, 100)
    soundfile.write(tmp_path / "loop.wav", sound, RATE)
    return tmp_path / "loop.wav"


@needs_data
@pytest.mark.parametrize("name", SETS)
def test_every_set_is_whole_and_its_beats_are_in_the_excerpt(name: str):
    those = excerpts((name,))
    assert len(those) == {"trio": 10}.get(name, 20)
    assert len({one.name for one in those}) == len(those)
    for one in those:
        gaps = np.diff(one.beats)
        assert 0.0 <= one.beats[0] < 2.0 and SECONDS - 2.0 < one.beats[-1] < SECONDS
        assert gaps.min() > 60.0 / 400.0 and gaps.max() < 60.0 / 40.0


@needs_data
def test_only_drummers_that_nothing_was_trained_on_are_judged_with():
    takes = unheard(DATA).takes
    assert {take.drummer for take in takes} <= set(HELD_OUT)
    assert {take.meter for take in takes} <= {"4-4", "3-4", "5-4"}
    assert len({take.style for take in takes}) > 5


@needs_data
def test_no_drummer_of_a_trio_that_is_judged_was_heard_in_another():
    """Told by names as one reads them: a file's name runs bassist and drummer together."""
    heard = ("dejohnettej", "motianp", "jonese", "hayesl", "blakej", "haynesr", "morellm")
    people = parted(trios(DATA / "drums" / "jtd"))
    assert (len(people.learnt), len(people.development), len(people.judged)) == (16, 4, 10)
    judged, known = people.judged, (*people.learnt, *people.development)
    assert [trio.name for trio in unheard(DATA).trios] == [trio.name for trio in judged]
    for name in heard:
        assert any(name in trio.name.split("-")[2] for trio in known)
        assert not any(name in trio.name.split("-")[2] for trio in judged)
    assert not {trio.drummer for trio in judged} & {trio.drummer for trio in known}
    ends = {trio.name.split("-")[2][-4:] for trio in known}  # whatever they are called
    assert not any(trio.name.split("-")[2][-4:] in ends for trio in judged)


@needs_data
def test_a_follower_is_worked_on_without_those_it_is_judged_by():
    cast, judged = development(DATA), unheard(DATA)
    assert {take.drummer for take in cast.takes} == set(DEVELOPMENT)
    assert len(cast.takes) > 10 and len(cast.trios) == 4
    people = parted(trios(DATA / "drums" / "jtd")).development
    assert [trio.name for trio in cast.trios] == [trio.name for trio in people]
    assert not set(cast.fonts) - set(judged.fonts[:1])
    theirs = {one.name for one in excerpts(tuple(GROOVES))}
    for name in GROOVES:
        those = development_excerpts((name,))
        assert len(those) == {"trio": 3}.get(name, 16)
        assert not {one.name for one in those} & theirs
        assert all(one.beats[-1] > SECONDS - 2.0 for one in those)
    with pytest.raises(PulseError, match=r"'real'.*trio"):
        development_excerpts(("real",))


@needs_data
def test_tempos_do_what_their_set_is_called_after():
    def tempo(name: str, k: int = 0) -> np.ndarray:
        return 60.0 / np.diff(excerpts((name,))[k].beats)

    assert np.ptp(tempo("gmd")) < 1e-6
    assert tempo("rubato").max() / tempo("rubato").mean() > 1.15
    assert 0.01 < tempo("warped").std() / tempo("warped").mean() < 0.12
    for name, ratio in (("step", 1.2), ("step-down", 0.8)):
        assert tempo(name)[-1] / tempo(name)[0] == pytest.approx(ratio)


@needs_data
def test_drums_are_silent_in_the_gap_and_beats_are_not():
    for one in excerpts(("gap",)):
        assert one.span is not None and isinstance(one.made_of, Piece)
        begin, end = one.span
        when = one.made_of.strokes["seconds"]
        assert not ((when > begin) & (when < end - 0.2)).any()
        assert ((when < begin) & (when > begin - 2.0)).any() and (when > end - 0.2).any()
        inside = (one.beats >= begin - 1e-6) & (one.beats < end - 1e-6)
        assert inside.sum() == SILENT_BEATS


@needs_data
def test_the_judge_plays_the_same_to_everybody(kept: Path):
    pytest.importorskip("mir_eval")
    (one,) = excerpts(("real",), limit=1)
    first = one.sound
    assert one.file.parent == kept and one.file.is_file()
    one.file.unlink()
    np.testing.assert_array_equal(one.sound, first)
    assert len(first) == SECONDS * RATE and np.abs(first).max() == pytest.approx(0.5, abs=1e-3)


@needs_data
def test_a_quick_look_prints_a_line_a_set(kept: Path, capsys: pytest.CaptureFixture[str]):
    pytest.importorskip("mir_eval")
    beats = development_excerpts(("trio",), limit=1)[0].beats
    found = quick(lambda sound, rate: Announced(beats, beats), ("trio",), limit=1)
    assert found["trio"]["f"] == 1.0
    assert "trio" in capsys.readouterr().out


def test_a_set_that_does_not_exist_is_told_with_those_that_do():
    with pytest.raises(PulseError, match=f"'reel'.*{FREE[0]}"):
        excerpts(("reel",))


def test_data_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(PulseError, match=r"info\.csv"):
        excerpts(("warped",), tmp_path)


def test_a_loop_is_played_at_the_curve_and_its_attacks_are_on_the_beats(loop: Path):
    curve = steady(100.0, beats=90)
    looped = Looped(loop, 4, 0.0, curve, SECONDS)
    sound = looped.sound(RATE)
    for beat in looped.times()[1:20]:
        at = round(beat * RATE)
        assert np.abs(sound[at - 40 : at + 40]).max() > 0.5
        assert np.abs(sound[at - 4000 : at - 40]).max() < 0.05
    assert np.diff(looped.times()) == pytest.approx(0.6)


def test_what_is_rendered_is_kept_and_made_again_only_if_its_strokes_change(kept: Path):
    pytest.importorskip("soundfile")
    if not DEFAULT_FONT.is_file():
        pytest.skip("needs the sound font FluidR3_GM")
    beats = np.arange(0.0, SECONDS, 0.5)

    def excerpt(pitch: int) -> Excerpt:
        piece = Piece(drum_strokes(beats, np.full(len(beats), pitch), 100), SECONDS)
        return Excerpt("test", "one", beats, piece, DEFAULT_FONT)

    try:
        render([Piece(drum_strokes([0.0], [36], [100]), 0.1)])
    except PulseError as error:
        pytest.skip(str(error))
    one, other = excerpt(38), excerpt(36)
    make((one, other))
    stamps = one.file.stat().st_mtime_ns
    make((one, other))
    assert one.file != other.file and one.file.stat().st_mtime_ns == stamps
    attack = np.flatnonzero(np.abs(one.sound[round(10.49 * RATE) :]) > 0.1)[0] / RATE + 10.49
    assert attack == pytest.approx(10.5, abs=0.01)
