"""Dry sounds to learn from: the same for a seed, and nothing in two splits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.pairs import PairsError, signals
from models.pairs.make import Order, make
from models.pairs.sources import gather
from models.pairs.wav import wav_bytes, write_whole

RATE = 16000
SMALL = Order(minutes=0.3, rate=RATE)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "dry").iterdir()}


def test_the_same_seed_makes_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    make(tmp_path / "a", SMALL)
    make(tmp_path / "b", SMALL)
    make(tmp_path / "c", Order(minutes=0.3, rate=RATE, seed=2))
    first, again, other = (contents(tmp_path / name) for name in "abc")
    assert first == again
    assert first["train-notes.wav"] != other["train-notes.wav"]


def test_every_kind_is_there_in_the_length_that_was_asked_for(tmp_path: Path) -> None:
    made = make(tmp_path / "dry", Order(minutes=0.5, rate=RATE))
    assert {each.kind for each in made} == {"notes", "guitar", "sweeps", "steps", "noise"}
    assert {each.split for each in made} == {"train", "validation", "test"}
    assert sum(each.frames for each in made) / RATE == pytest.approx(30.0, abs=8.0)
    for path in (tmp_path / "dry" / "dry").iterdir():
        sound, rate = soundfile.read(path, dtype="float32")
        assert rate == RATE
        assert 0.01 < np.abs(sound).max() < 0.999


def test_what_was_made_is_gathered_with_its_splits(tmp_path: Path) -> None:
    made = make(tmp_path / "dry", SMALL)
    sources = gather(tmp_path / "dry", tmp_path / "out")
    assert {s.file: s.split for s in sources} == {f"dry/{m.file}": m.split for m in made}


def test_the_guitars_last_bars_are_for_validation_and_test_only() -> None:
    whole = signals.bars(RATE, 0, 8)
    parts = [signals.bars(RATE, *span) for span in ((0, 6), (6, 7), (7, 8))]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_tones_lie_between_80_and_1200_hz() -> None:
    rng = np.random.default_rng(0)
    power = sum(np.abs(np.fft.rfft(signals.notes(48000, rng, 4.0))) ** 2 for _ in range(8))
    hz = np.fft.rfftfreq(4 * 48000, 1 / 48000)
    assert power[hz < 60].sum() < 0.01 * power.sum()
    assert power[(hz > 75) & (hz < 1250)].sum() > 0.7 * power.sum()  # the rest: their harmonics


def test_segments_differ_in_density() -> None:
    rng = np.random.default_rng(0)
    quiet = [np.mean(np.abs(signals.notes(RATE, rng)) < 1e-9) for _ in range(12)]
    assert min(quiet) < 0.1
    assert max(quiet) > 0.25


def test_a_sweep_gives_back_an_impulse_response() -> None:
    sweep = signals.sweep(RATE, 2.0, 0.5, 0.5)
    response = np.zeros(200)
    response[[3, 50]] = 1.0, -0.4
    heard = np.convolve(sweep, response)[: len(sweep)]
    spectrum = np.fft.rfft(sweep, 65536)
    power = np.abs(spectrum) ** 2
    inverse = np.conj(spectrum) / (power + 1e-3 * power.max())
    found = np.fft.irfft(np.fft.rfft(heard, 65536) * inverse)
    order = np.argsort(-np.abs(found))
    assert order[0] == 3
    assert found[3] > 0
    assert found[50] == pytest.approx(-0.4 * found[3], rel=0.1)


def test_music_is_resampled_and_each_file_is_in_one_split(tmp_path: Path) -> None:
    music = tmp_path / "music"
    for number in range(4):
        tone = 0.3 * np.sin(2 * np.pi * 100 * (number + 1) * np.arange(22050) / 22050)
        write_whole(music / f"{number}.wav", wav_bytes(tone.astype(np.float32), 22050))
    order = Order(minutes=0.2, rate=RATE, kinds=("music",), music=music)
    made = make(tmp_path / "dry", order)
    tones = []
    for each in made:
        sound = soundfile.read(tmp_path / "dry" / "dry" / each.file)[0]
        spectrum = np.abs(np.fft.rfft(sound))
        hz = np.fft.rfftfreq(len(sound), 1 / RATE)
        bands = [spectrum[np.abs(hz - 100 * n) < 10].max() for n in (1, 2, 3, 4)]
        tones.append({n for n, level in enumerate(bands) if level > 0.1 * max(bands)})
    assert [each.split for each in made] == ["train", "validation", "test"]
    assert sum(map(len, tones)) == 4


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (Order(kinds=("tones",)), "'tones'"),
        (Order(rate=100), "--rate 100"),
        (Order(minutes=0), "--minutes 0"),
        (Order(kinds=("music",)), "--music"),
        (Order(seed=-1), "--seed -1"),
        (Order(minutes=600, rate=192_000), "210 minutes of one kind do not fit into a WAV file"),
    ],
)
def test_a_wrong_order_is_refused_and_nothing_is_written(
    order: Order, said: str, tmp_path: Path
) -> None:
    with pytest.raises(PairsError, match=said):
        make(tmp_path / "dry", order)
    assert not (tmp_path / "dry").exists()


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(PairsError, match="there already"):
        make(tmp_path, SMALL)


def test_a_make_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, _of: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "dry", SMALL, stop)
    assert not (tmp_path / "dry").exists()
