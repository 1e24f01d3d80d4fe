"""The style layer beside a performer: when his last seconds are heard in the style."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.rack import Lane, Link, Rack, RackError
from engine.render import Renderer, play
from engine.soundfiles import SoundWriter

RATE = 16_000
LOOK = 64
ANSWERS, BEHIND, LEFT, ITERATIONS, TOOK, LATE = range(6)
QUICK = {"seconds": 2, "renew_ms": 250, "iterations": 6}


def bells(seconds: float = 2.0, seed: int = 3) -> Any:
    """A style: short high tones with noise, nothing like what is played here."""
    chance = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    made = 0.02 * chance.standard_normal(len(time))
    for begin in np.arange(0.0, seconds, 0.2):
        since = np.maximum(time - begin, 0.0)
        made += (
            np.sin(2 * np.pi * chance.uniform(1500, 5000) * since)
            * np.exp(-since / 0.1)
            * (time >= begin)
        )
    return (0.3 * made / np.abs(made).max()).astype(np.float32)


def file_of(path: Path, sound: Any, rate: int = RATE) -> Path:
    with SoundWriter(path, rate, 1, len(sound)) as writer:
        writer.write(np.asarray(sound, np.float32)[:, None])
    return path


@pytest.fixture(scope="module")
def style(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return file_of(tmp_path_factory.mktemp("style") / "bells.wav", bells())


def rack(style: Path, settings: dict[str, str | int] | None = None, **knobs: float) -> Rack:
    chosen: dict[str, str | int] = {"style": str(style), **QUICK, **(settings or {})}
    link = Link("style", "style", {"dry_db": -60.0, **knobs}, chosen)
    return Rack("test", lanes=(Lane("a", "left", (link,)),))


def tone(seconds: float, hertz: float = 220.0) -> Any:
    """A performer's notes: partials that fall."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = sum(np.sin(2 * np.pi * k * hertz * time) / k for k in range(1, 6))
    return (0.15 * wave * np.exp(-time)).astype(np.float32)


def rest(seconds: float) -> Any:
    return np.zeros(round(seconds * RATE), np.float32)


def played(wanted: Rack, *parts: Any) -> tuple[Any, Any]:
    """What comes out of it (frames,), and the readouts of every look."""
    sound = np.concatenate(parts)
    renderer = Renderer(wanted, RATE, 1, LOOK)
    made, told = [], []
    for first in range(0, len(sound), LOOK):
        made.append(renderer.push(sound[first : first + LOOK, None])[:, 0])
        told.append(renderer.shared.control["readouts"][0, 0, :6].copy())
    renderer.finish()
    return np.concatenate(made), np.array(told)


def loud(sound: Any, least: float = 1e-3) -> tuple[float, float]:
    """Seconds at which it is first and last heard."""
    where = np.flatnonzero(np.abs(sound) > least)
    return float(where[0]) / RATE, float(where[-1]) / RATE


def test_what_is_played_is_heard_as_much_later_as_is_told(style: Path) -> None:
    made, told = played(rack(style), rest(0.7), tone(0.3), rest(1.6))
    first, last = loud(made, 0.01)
    behind = told[-1, BEHIND]
    assert 0.5 < behind < 0.8
    assert first == pytest.approx(0.7 + behind, abs=0.08)
    assert last == pytest.approx(1.0 + behind, abs=0.15)


def test_later_is_as_late_as_asked_and_nearer_the_style(style: Path) -> None:
    soon, told = played(rack(style), tone(0.3), rest(2.0))
    later, _ = played(rack(style, after_s=1.2), tone(0.3), rest(2.0))
    apart = loud(later, 0.01)[0] - loud(soon, 0.01)[0]
    assert apart == pytest.approx(1.2 - told[-1, BEHIND], abs=0.08)


def test_each_answer_goes_on_from_the_last_one_towards_the_style(style: Path) -> None:
    _, told = played(rack(style), tone(0.5), rest(1.3))
    left = [float(row[LEFT]) for row in told[np.flatnonzero(np.diff(told[:, ANSWERS])) + 1]]
    assert left[-1] < 0.5
    assert left[-1] < left[2] < 1.0  # the window of both holds the whole tone


def test_in_rests_it_answers_a_phrase_once_and_gives_way(style: Path) -> None:
    asked = rack(style, when=1.0, pause_ms=100.0)
    made, _ = played(asked, tone(0.8), rest(1.6), tone(0.4), rest(0.2))
    assert np.abs(made[: round(0.8 * RATE)]).max() == 0.0
    first, _ = loud(made[: round(2.4 * RATE)])
    assert 0.8 < first < 1.3
    quiet = made[round(2.55 * RATE) : round(2.8 * RATE)]  # he plays again
    assert np.abs(quiet).max() == 0.0


def test_in_rests_it_gives_way_only_if_it_shall(style: Path) -> None:
    parts = (tone(0.8), rest(0.5), tone(0.4))
    knobs = {"when": 1.0, "pause_ms": 100.0}
    way, _ = played(rack(style, **knobs), *parts)
    goes_on, _ = played(rack(style, **knobs, gives_way=0.0), *parts)
    over = slice(round(1.45 * RATE), round(1.65 * RATE))
    assert np.abs(way[over]).max() == 0.0
    assert np.abs(goes_on[over]).max() > 1e-3


def test_on_the_beat_it_is_whole_notes_behind(style: Path) -> None:
    _, told = played(rack(style, sync=6.0), tone(0.5), rest(0.3))  # quarters at 120 bpm
    assert told[-1, BEHIND] == pytest.approx(1.0, abs=1e-3)


def test_the_worker_is_waited_for_so_that_blocks_do_not_change_the_sound(style: Path) -> None:
    sound = np.concatenate([tone(0.7), rest(0.3), tone(0.6)])[:, None]
    for when, block in ((0.0, 333), (1.0, 4096)):
        asked = rack(style, when=when, pause_ms=100.0)
        whole = play(asked, sound, RATE)
        assert np.abs(whole).max() > 0.01
        np.testing.assert_array_equal(play(asked, sound, RATE, block), whole)


def test_it_is_about_as_loud_as_what_was_played(style: Path) -> None:
    sound = tone(1.2)
    made, told = played(rack(style), sound, rest(1.0))
    behind = round(told[-1, BEHIND] * RATE)
    one, other = sound[: RATE // 2], made[behind : behind + RATE // 2]
    ratio = np.sqrt(np.mean(np.square(other)) / np.mean(np.square(one)))
    assert 0.4 < ratio < 1.6


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("none.wav", "there is no such file; names are:"),
        ("", "style is empty"),
        ("text.wav", "is not audio"),
        ("silent.wav", "is silent"),
        ("short.wav", "are too short; at least 0.5 s"),
        ("x" * 400, "there is no such file"),
    ],
)
def test_a_style_that_cannot_be_one_is_told_in_one_line(
    name: str, what: str, tmp_path: Path
) -> None:
    (tmp_path / "text.wav").write_text("not a sound\n")
    file_of(tmp_path / "silent.wav", np.zeros(RATE))
    file_of(tmp_path / "short.wav", tone(0.2))
    given = Path(name) if not name or len(name) > 100 or name == "none.wav" else tmp_path / name
    asked = rack(given) if name else rack(Path("x"), {"style": ""})
    with pytest.raises(RackError, match=what) as told:
        Renderer(asked, RATE, 1)
    assert "\n" not in str(told.value)


def test_answers_that_would_end_before_the_next_one_are_told_in_one_line(style: Path) -> None:
    told = "renew_ms = 2000 is too long for seconds = 2; at most 1812 is allowed"
    with pytest.raises(RackError, match=told):
        Renderer(rack(style, {"renew_ms": 2000}), RATE, 1)


def test_at_a_low_rate_a_style_has_frames_for_one_patch(tmp_path: Path) -> None:
    rate = 8_000
    short = file_of(tmp_path / "short.wav", bells(0.3)[:4600], rate)
    with pytest.raises(RackError, match=r"short\.wav: 0\.57 s are too short; at least 0\.64 s"):
        Renderer(rack(short), rate, 1)
    enough = file_of(tmp_path / "enough.wav", bells(0.33)[:5120], rate)
    Renderer(rack(enough), rate, 1).finish()
