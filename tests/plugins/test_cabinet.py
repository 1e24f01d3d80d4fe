"""The cabinet: its file is what is heard, its own responses are cabinets, bad files are told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import noise

from engine.rack import Lane, Link, Rack, RackError
from engine.render import Move, play
from plugins.cabinet import BUILTIN, loudness, synthesise

RATE = 48_000


def cabinet(
    ir: str = "",
    folder: Path = Path(),
    source: str = "left",
    normalise: str = "off",
    **knobs: float,
) -> Rack:
    link = Link("cabinet", "cab", knobs, {"ir": ir, "normalise": normalise})
    return Rack("test", lanes=(Lane("a", source, (link,)),), folder=folder)


def write(path: Path, sound: np.ndarray, rate: int = RATE, subtype: str = "FLOAT") -> str:
    soundfile.write(path, sound, rate, subtype=subtype)
    return path.name


def response(taps: int = 3000, channels: int = 1) -> np.ndarray:
    rng = np.random.default_rng(taps)
    fade = np.exp(-5.0 * np.arange(taps) / taps)[:, None]
    return (0.2 * rng.standard_normal((taps, channels)) * fade).astype(np.float32)


def test_a_file_is_convolved_exactly(tmp_path: Path) -> None:
    h, sound = response(), noise(8000)
    wanted = np.convolve(sound[:, 0].astype(float), h[:, 0].astype(float))[:8000]
    for ir in (write(tmp_path / "a.wav", h), str(tmp_path / "a.wav")):
        made = play(cabinet(ir, tmp_path), sound, RATE)[:, 0]
        assert np.abs(made - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_flac_is_read_too(tmp_path: Path) -> None:
    ir = write(tmp_path / "a.flac", np.array([0.5, 0.25]), subtype="PCM_24")
    sound = noise(1000)
    made = play(cabinet(ir, tmp_path), sound, RATE)[:, 0]
    np.testing.assert_allclose(made[1:], 0.5 * sound[1:, 0] + 0.25 * sound[:-1, 0], atol=1e-6)


def test_a_stereo_file_has_a_side_for_each_side(tmp_path: Path) -> None:
    h, sound = response(700, 2), noise(4000, 2)
    made = play(cabinet(write(tmp_path / "a.wav", h), tmp_path, "stereo"), sound, RATE)
    for c in range(2):
        wanted = np.convolve(sound[:, c].astype(float), h[:, c].astype(float))[:4000]
        assert np.abs(made[:, c] - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_a_stereo_file_on_a_mono_chain_is_its_middle(tmp_path: Path) -> None:
    h, sound = response(700, 2), noise(4000)
    made = play(cabinet(write(tmp_path / "a.wav", h), tmp_path), sound, RATE)[:, 0]
    wanted = np.convolve(sound[:, 0].astype(float), h.mean(axis=1).astype(float))[:4000]
    assert np.abs(made - wanted).max() < 1e-5 * np.abs(wanted).max()


def test_it_adds_no_latency(tmp_path: Path) -> None:
    h = response(5000)
    h[0] = 1.0
    sound = np.zeros((400, 1), np.float32)
    sound[7] = 1.0
    made = play(cabinet(write(tmp_path / "a.wav", h), tmp_path), sound, RATE)
    assert made[7, 0] == 1.0
    assert not made[:7].any()


@pytest.mark.parametrize("rate", [44_100, 96_000])
def test_a_file_of_another_rate_sounds_the_same(tmp_path: Path, rate: int) -> None:
    """A bell of 1 kHz: the same level at every frequency that both rates have."""
    gains = []
    for file_rate in (RATE, rate):
        t = np.arange(file_rate // 10) / file_rate
        h = np.sin(2.0 * np.pi * 1000.0 * t) * np.exp(-t / 0.004) / file_rate
        ir = write(tmp_path / f"{file_rate}.wav", (1000.0 * h).astype(np.float32), file_rate)
        sound = np.zeros((RATE // 10, 1), np.float32)
        sound[0] = 1.0
        gains.append(np.abs(np.fft.rfft(play(cabinet(ir, tmp_path), sound, RATE)[:, 0])))
    same, other = (gain[5:800] for gain in gains)  # to 8 kHz
    assert np.abs(20.0 * np.log10(other / same))[: 3000 // 10].max() < 0.1
    assert np.abs(other - same).max() < 0.003 * same.max()


@pytest.mark.parametrize("name", BUILTIN)
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_our_own_cabinets_have_the_shape_of_one(name: str, rate: int) -> None:
    h = synthesise(BUILTIN[name], rate)
    gain = np.abs(np.fft.rfft(h[0], rate)) / loudness(h, rate)

    def db(low: int, high: int) -> float:
        return float(10.0 * np.log10(np.mean(gain[low:high] ** 2)))

    assert db(90, 180) > db(350, 500) + 1.0  # the box's resonance over the dip
    assert db(2000, 4000) > db(350, 500) + 4.0  # the presence
    assert db(9000, 12_000) < db(2000, 4000) - 20.0  # the coil
    assert db(20, 40) < db(90, 180) - 12.0


@pytest.mark.parametrize("name", BUILTIN)
def test_our_own_cabinets_answer_at_once_and_are_minimum_phase(name: str) -> None:
    h = synthesise(BUILTIN[name], RATE)[0]
    assert np.argmax(np.abs(h)) < 12
    energy = np.cumsum(h**2) / np.sum(h**2)
    assert energy[RATE // 500] > 0.75  # three quarters within 2 ms
    assert abs(h[-1]) < 1e-6


@pytest.mark.parametrize("ir", ["", "builtin:closed-412"])
def test_normalised_it_is_as_loud_as_the_input(ir: str) -> None:
    rng = np.random.default_rng(0)
    spectrum = np.fft.rfft(rng.standard_normal(2 * RATE))
    hz = np.fft.rfftfreq(2 * RATE, 1.0 / RATE)
    spectrum *= np.where((hz > 60.0) & (hz < 10_000.0), 1.0 / np.sqrt(np.maximum(hz, 1.0)), 0.0)
    pink = np.fft.irfft(spectrum)
    pink = (0.1 * pink / pink.std()).astype(np.float32)[:, None]
    made = play(cabinet(ir, normalise="on"), pink, RATE)[4800:]
    assert 20.0 * np.log10(made.std() / 0.1) == pytest.approx(0.0, abs=0.3)


def test_the_cuts_are_3_db_down_at_their_frequency(tmp_path: Path) -> None:
    ir = write(tmp_path / "one.wav", np.ones((1, 1)))
    sound = np.zeros((RATE, 1), np.float32)
    sound[0] = 1.0
    made = play(cabinet(ir, tmp_path, low_cut_hz=200.0, high_cut_hz=4000.0), sound, RATE)[:, 0]
    db = 20.0 * np.log10(np.abs(np.fft.rfft(made)))
    assert db[200] == pytest.approx(-3.01, abs=0.1)
    assert db[4000] == pytest.approx(-3.01, abs=0.1)
    assert db[50] == pytest.approx(-24.1, abs=0.3)
    assert db[1000] == pytest.approx(0.0, abs=0.1)


def test_chunks_do_not_matter_while_the_cuts_move() -> None:
    moves = [
        Move(500, "a.cab.low_cut_hz", 500.0),
        Move(900, "a.cab.high_cut_hz", 2000.0),
        Move(5000, "a.cab.low_cut_hz", 20.0),
        Move(6000, "a.cab.high_cut_hz", 20_000.0),
    ]
    sound = noise(9600, 2)
    whole = play(cabinet(source="stereo"), sound, RATE, 64, moves)
    for block in (1, 32, 333, 4096):
        made = play(cabinet(source="stereo"), sound, RATE, block, moves)
        np.testing.assert_array_equal(made, whole)


def refused(folder: Path, ir: str, normalise: str = "on") -> str:
    with pytest.raises(RackError) as caught:
        play(cabinet(ir, folder, normalise=normalise), noise(64), RATE)
    message = str(caught.value)
    assert message.startswith("test: a.cab: ")
    assert message.isprintable()
    return message


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    message = refused(tmp_path, "gone.wav")
    assert str(tmp_path / "gone.wav") in message
    assert "no such file" in message


def test_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "cabs").mkdir()
    message = refused(tmp_path, "cabs")
    assert str(tmp_path / "cabs") in message
    assert "folder" in message


@pytest.mark.parametrize("content", [b"", b"hello", b"RIFF\x10\0\0\0WAVEfmt "])
def test_what_is_not_sound_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    assert str(tmp_path / "a.wav") in refused(tmp_path, "a.wav")


def test_a_file_that_breaks_off_is_told(tmp_path: Path) -> None:
    ir = write(tmp_path / "a.wav", response(), RATE)
    whole = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(whole[: len(whole) // 2])
    assert "breaks off" in refused(tmp_path, ir)


@pytest.mark.parametrize(
    ("sound", "rate", "complaint"),
    [
        (np.zeros((0, 1)), RATE, "holds no sound"),
        (np.zeros((10, 1)), RATE, "is silent"),
        (np.full((10, 1), np.nan), RATE, "every sample must be a finite number"),
        (np.array([1.0, np.inf]), RATE, "every sample must be a finite number"),
        (np.array([1.0, 1e30]), RATE, "holds samples above 1000000"),
        (np.ones((10, 3)), RATE, "has 3 channels; allowed is 1 or 2"),
        (np.ones((10, 1)), 1000, "has a sample rate of 1000 Hz; allowed is 8000 to 384000"),
    ],
)
def test_sound_that_is_no_response_is_told(
    tmp_path: Path, sound: np.ndarray, rate: int, complaint: str
) -> None:
    ir = write(tmp_path / "a.wav", sound.astype(np.float32), rate)
    message = refused(tmp_path, ir)
    assert "a.wav" in message
    assert complaint in message


def test_names_we_do_not_have_and_switches_we_do_not_know_are_told(tmp_path: Path) -> None:
    assert "not one of builtin:open-back, builtin:closed-412" in refused(tmp_path, "builtin:x")
    assert "normalise: 'maybe' is not one of on, off" in refused(tmp_path, "", "maybe")


def test_what_is_longer_than_ten_seconds_is_cut(tmp_path: Path) -> None:
    h = np.zeros((8000 * 11, 1), np.float32)
    h[[0, 8000 * 10 - 1, 8000 * 10]] = 1.0
    sound = np.zeros((8000 * 11, 1), np.float32)
    sound[0] = 1.0
    made = play(cabinet(write(tmp_path / "a.wav", h, 8000), tmp_path), sound, 8000, 4096)[:, 0]
    assert np.flatnonzero(np.abs(made) > 0.5).tolist() == [0, 8000 * 10 - 1]
