"""The timbre: nothing at 0, the other sound's levels at 1, the player's pitch and loudness."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.morph.file import write_morph
from engine.morph.grid import FLOOR_DB, GRIDS
from engine.morph.model import CONDITIONS, Dense, MorphModel, Note
from engine.plugin import PluginError, Setup
from engine.rack import Lane, Link, Rack, RackError
from engine.render import Move, Renderer
from engine.render import play as play_rack
from plugins.timbre import Timbre

RATE = 48_000
GRID = GRIDS["live"]
TILT_DB = 24.0
"""From the lowest bin to the highest, of latent 0: -24 dB of 0, level of 0.5, +24 dB of 1."""


def play(chain: Rack, sound: Any, rate: int = RATE, block: int = 64, moves: Any = ()) -> Any:
    """What comes of a sound, in time with it: one of two equal channels (frames, 1)."""
    return play_rack(chain, sound, rate, block, moves)[:, :1]


def hertz(pitch: float) -> float:
    return 440.0 * 2.0 ** ((pitch - 69.0) / 12.0)


def comb(pitch: int) -> Any:
    """A frame, 0 to 1, of partials 6 dB down at every doubling, under Hann's window."""
    k = np.arange(1, int(0.45 * GRID.rate / hertz(pitch)) + 1)
    t = np.arange(GRID.size) / GRID.rate
    sound = (np.sin(2 * np.pi * hertz(pitch) * k[:, None] * t + k[:, None]) / k[:, None]).sum(0)
    found = np.abs(np.fft.rfft(sound * GRID.window))
    level = 20.0 * np.log10(np.maximum(found / found.max(), 1e-4))
    return 0.8 + level / -FLOOR_DB


def tilting() -> MorphModel:
    """Decodes a comb of the pitch, tilted by latent 0; of what it encodes all are level."""
    told = CONDITIONS["notes"]
    encoder = Dense(np.zeros((2, GRID.bins + told), np.float32), np.zeros(2, np.float32), "sigmoid")
    kernel = np.zeros((GRID.bins, 2 + told), np.float32)
    slope = np.linspace(-TILT_DB, TILT_DB, GRID.bins) / -FLOOR_DB
    kernel[:, 0] = slope
    for pitch in range(128):
        kernel[:, 2 + pitch] = comb(pitch) if 24 <= pitch <= 96 else 0.5
    decoder = Dense(kernel, (-0.5 * slope).astype(np.float32))
    notes = [
        note(f"{name}_{number:03}-{pitch:03}-100", name, pitch, latent)
        for name, number, latent in (("bright", 0, 255), ("dark", 1, 0))
        for pitch in (48, 60, 72)
    ]
    path = np.repeat([0, 255], 250)
    return MorphModel(
        GRID, 2, "notes", (encoder,), (decoder,),
        (*notes, note("turning_002-060-100", "turning", 60, path)),
    )  # fmt: skip


def note(name: str, family: str, pitch: int, latent: Any) -> Note:
    """One whose latent 0 is ``latent``, or goes through it."""
    codes = np.full((500, 2), 128, np.uint8)
    codes[:, 0] = latent
    return Note(name, family, pitch, 100, codes, np.zeros(500, np.float16), 4, 300, 450, 480)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("timbre") / "tilting.npz"
    write_morph(path, tilting())
    return path


def rack(file: Path, sound: str = "bright", window: str = "full", **knobs: float) -> Rack:
    chosen: dict[str, str | int] = {"model": str(file), "sound": sound, "window": window}
    return Rack("t", lanes=(Lane("a", "left", (Link("timbre", "timbre", knobs, chosen),)),))


def tone(pitch: float, seconds: float = 0.6, rate: int = RATE, highest: float = 20_000.0) -> Any:
    """Twenty partials, 6 dB down at every doubling (frames, 1)."""
    t, base = np.arange(round(seconds * rate)) / rate, hertz(pitch)
    ks = [k for k in range(1, 21) if k * base < min(highest, 0.45 * rate)]
    return np.sum([0.1 / k * np.sin(2 * np.pi * k * base * t + k) for k in ks], axis=0).astype(
        np.float32
    )[:, None]


def partials_db(sound: Any, base: float, count: int, rate: int = RATE) -> Any:
    """Levels of the first partials in the last 0.3 s."""
    x = sound[-round(0.3 * rate) :].reshape(-1)
    x = x * np.hanning(len(x))
    t = np.arange(len(x)) / rate
    found = [abs(x @ np.exp(-2j * np.pi * base * k * t)) for k in range(1, count + 1)]
    return 20.0 * np.log10(np.maximum(found, 1e-12))


def cents(sound: Any, base: float, rate: int = RATE) -> float:
    """How sharp the fundamental is: its phase now and 0.1 s before."""
    parts = []
    for end in (0, round(0.1 * rate)):
        x = sound[len(sound) - end - round(0.2 * rate) : len(sound) - end].reshape(-1)
        at = np.arange(len(sound) - end - len(x), len(sound) - end) / rate
        parts.append((x * np.hanning(len(x))) @ np.exp(-2j * np.pi * base * at))
    turns = np.angle(parts[0] / parts[1]) / (2 * np.pi)
    return float(1200.0 * np.log2(1.0 + turns / 0.1 / base))


def rms(sound: Any) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


@pytest.mark.parametrize("window", ["full", "short"])
@pytest.mark.parametrize("rate", [16_000, 48_000, 96_000])
def test_at_0_all_that_was_heard_is_there_as_late_as_is_told(
    file: Path, rate: int, window: str
) -> None:
    sound = (0.1 * np.random.default_rng(1).standard_normal((8000, 1))).astype(np.float32)
    renderer = Renderer(rack(file, window=window, amount=0.0), rate, 1)
    made = renderer.push(sound)[:, 0]  # what is late is left out
    assert len(made) == len(sound) - renderer.table.latency
    np.testing.assert_allclose(made, sound[: len(made), 0], atol=1e-6)
    size = GRID.size if window == "full" else GRID.size // 2
    assert renderer.table.latency <= (size / GRID.rate + 0.0016) * rate


def test_at_0_another_rate_changes_levels_by_a_tenth_of_a_decibel_at_most(file: Path) -> None:
    sound = (0.1 * np.random.default_rng(1).standard_normal((88_200, 1))).astype(np.float32)
    made = play(rack(file, amount=0.0), sound, 44_100)
    spectra = [
        np.fft.rfft(x[2048:-2048, 0][: 20 * 4096].reshape(20, 4096) * np.hanning(4096))
        for x in (sound, made)
    ]
    response = (spectra[1] * spectra[0].conj()).sum(0) / np.square(np.abs(spectra[0])).sum(0)
    assert np.abs(20 * np.log10(np.abs(response[10:-10]))).max() < 0.15


@pytest.mark.parametrize("window", ["full", "short"])
@pytest.mark.parametrize(("sound", "sign"), [("bright", 1.0), ("dark", -1.0)])
def test_filtered_levels_change_by_what_the_decoder_says(
    file: Path, sound: str, sign: float, window: str
) -> None:
    given = tone(60.3, highest=6000.0)
    made = play(rack(file, sound, window, amount=1.0, detail=1.0), given, RATE)
    base = hertz(60.3)
    changed = partials_db(made, base, 12) - partials_db(given, base, 12)
    at = base * np.arange(1, 13) / (0.5 * GRID.rate)
    wanted = sign * (at - 0.5) * TILT_DB  # half of the way from one end of the latent to the other
    off = changed - wanted
    assert np.abs(off - off.mean()).max() < 1.0


def test_half_the_amount_is_half_the_change(file: Path) -> None:
    given, base = tone(60.0, highest=6000.0), hertz(60.0)
    before = partials_db(given, base, 12)
    whole, half = (
        partials_db(play(rack(file, amount=a, detail=1.0), given, RATE), base, 12) - before
        for a in (1.0, 0.5)
    )
    slopes = [np.polyfit(np.arange(12), change, 1)[0] for change in (half, whole)]
    assert slopes[0] / slopes[1] == pytest.approx(0.5, abs=0.03)


def test_without_detail_the_levels_are_the_decoded_ones(file: Path) -> None:
    dull = tone(60.0, highest=6000.0)
    base = hertz(60.0)
    dull += 9.0 * np.float32(0.1) * np.sin(2 * np.pi * base * np.arange(len(dull)) / RATE)[:, None]
    made = play(rack(file, amount=1.0, detail=0.0), dull.astype(np.float32), RATE)
    at = base * np.arange(1, 13) / (0.5 * GRID.rate)
    wanted = -20.0 * np.log10(np.arange(1, 13)) + (at - 0.5) * TILT_DB
    off = partials_db(made, base, 12) - wanted
    assert np.abs(off - off.mean()).max() < 2.0


@pytest.mark.parametrize("knobs", [{"detail": 0.0}, {"detail": 1.0}, {"mode": 1.0}])
@pytest.mark.parametrize("sound", ["bright", "dark"])
def test_it_is_as_loud_as_the_player(file: Path, sound: str, knobs: dict[str, float]) -> None:
    given = tone(55.0, highest=7000.0)
    made = play(rack(file, sound, amount=1.0, **knobs), given, RATE)
    # as heard: highs count 4 dB more than lows do
    assert abs(20 * np.log10(rms(made[-9600:]) / rms(given[-9600:]))) < 4.0
    soft = play(rack(file, sound, amount=1.0, **knobs), 0.1 * given, RATE)
    assert 20 * np.log10(rms(soft[-9600:]) / rms(made[-9600:])) == pytest.approx(-20.0, abs=0.7)


@pytest.mark.parametrize("pitch", [40.2, 57.0, 63.45, 81.7])
def test_the_pitch_is_found_and_stays(file: Path, pitch: float) -> None:
    given = tone(pitch)
    renderer = Renderer(rack(file, amount=1.0), RATE, 1)
    made = renderer.push(given)[:, :1]
    read = renderer.shared.control["readouts"][0, 0]
    assert read[0] == pytest.approx(pitch, abs=0.05)
    assert read[1] > 0.95
    assert abs(cents(made, hertz(pitch))) < 1.0


def test_the_last_pitch_is_held_in_noise_and_in_silence(file: Path) -> None:
    renderer = Renderer(rack(file, amount=1.0), RATE, 1)
    renderer.push(tone(64.0))
    rng = np.random.default_rng(2)
    renderer.push((0.1 * rng.standard_normal((9600, 1))).astype(np.float32))
    read = renderer.shared.control["readouts"][0, 0]
    assert read[0] == pytest.approx(64.0, abs=0.5)
    assert read[1] < 0.8
    renderer.push(np.zeros((9600, 1), np.float32))
    assert read[0] == pytest.approx(64.0, abs=0.5)


@pytest.mark.parametrize(("transpose", "fixed"), [(0.0, 0.0), (7.0, 0.0), (-5.5, 0.0), (0.0, 1.0)])
def test_what_is_made_anew_has_the_pitch_that_is_wanted(
    file: Path, transpose: float, fixed: float
) -> None:
    knobs = {"transpose": transpose, "pitch": fixed, "note": 67.0}
    made = play(rack(file, amount=1.0, mode=1.0, **knobs), tone(60.0), RATE)
    base = hertz(67.0 if fixed else 60.0 + transpose)
    assert abs(cents(made, base)) < 5.0
    levels = partials_db(made, base, 8)
    between = partials_db(made, base * 0.5, 16)[::2]
    assert np.all(levels > between + 12.0)


@pytest.mark.parametrize("mode", [0.0, 1.0])
def test_silence_stays_silence_also_after_a_note(file: Path, mode: float) -> None:
    chain = rack(file, amount=1.0, detail=0.0, mode=mode)
    assert not play(chain, np.zeros((9600, 1), np.float32), RATE).any()
    after = np.concatenate([tone(60.0, 0.3), np.zeros((9600, 1), np.float32)])
    made = play(chain, after, RATE)
    assert np.abs(made[-4800:]).max() < 1e-7


def test_faint_noise_is_not_made_louder(file: Path) -> None:
    rng = np.random.default_rng(3)
    hiss = (1e-4 * rng.standard_normal((24_000, 1))).astype(np.float32)
    for mode in (0.0, 1.0):
        made = play(rack(file, amount=1.0, detail=0.0, mode=mode), hiss, RATE)
        assert rms(made[9600:]) < 1.6 * rms(hiss)


@pytest.mark.parametrize("mode", [0.0, 1.0])
def test_what_is_no_number_or_far_too_loud_passes_by(file: Path, mode: float) -> None:
    given = tone(60.0, 0.8)
    given[1000:1100] = np.nan
    given[2000:2100] = np.inf
    given[3000:3100] = 3e38
    made = play(rack(file, amount=1.0, mode=mode), given, RATE)
    assert np.isfinite(made).all()
    assert np.abs(made).max() < 2.0
    clean = play(rack(file, amount=1.0, mode=mode), tone(60.0, 0.8), RATE)
    assert rms(made[-9600:]) == pytest.approx(rms(clean[-9600:]), rel=0.1)


@pytest.mark.parametrize("block", [32, 333, 4096])
def test_blocks_of_any_size_sound_the_same_while_knobs_move(file: Path, block: int) -> None:
    given = tone(58.0, 0.4)
    moves = [
        Move(1000, "a.timbre.amount", 0.0), Move(3000, "a.timbre.amount", 1.0),
        Move(5000, "a.timbre.target", 1.0), Move(7000, "a.timbre.mode", 1.0),
        Move(9000, "a.timbre.moves", 1.0), Move(11_000, "a.timbre.mode", 0.0),
    ]  # fmt: skip
    for rate in (44_100, RATE):
        whole = play(rack(file), given, rate, 64, moves)
        np.testing.assert_array_equal(play(rack(file), given, rate, block, moves), whole)


def test_turned_to_0_it_is_the_players_own_sound_again(file: Path) -> None:
    given = tone(60.0, 0.6)
    moves = [Move(9600, "a.timbre.amount", 0.0)]
    made = play(rack(file, amount=1.0), given, RATE, 64, moves)
    assert np.abs(made[8000:9000] - given[8000:9000]).max() > 0.02
    np.testing.assert_allclose(made[-9600:], given[-9600:], atol=1e-6)


def test_no_knob_clicks(file: Path) -> None:
    given = tone(48.0, 0.8, highest=4000.0)
    for knob, values in (("amount", (0.0, 1.0)), ("target", (1.0, 0.0)), ("mode", (1.0, 0.0))):
        moves = [Move(14_400 + 2400 * n, f"a.timbre.{knob}", v) for n, v in enumerate(2 * values)]
        made = play(rack(file, **{"amount": 1.0, knob: values[0]}), given, RATE, 64, moves)[:, 0]
        steps = np.abs(np.diff(made))
        still = max(
            np.abs(np.diff(play(rack(file, **{"amount": 1.0, knob: v}), given)[9600:, 0])).max()
            for v in values
        )
        # two sounds of other phases are heard at once between the modes
        assert steps[9600:].max() < (2.0 if knob == "mode" else 1.2) * still, knob


def test_it_may_go_through_a_sound_with_each_note(file: Path) -> None:
    """That of a sound that is dark for 250 frames of 2 ms, and bright then."""
    rest = np.zeros((14_400, 1), np.float32)
    played = tone(60.0, 1.1, highest=6000.0)
    given = np.concatenate([rest, played, rest, played])
    chain = rack(file, "turning", amount=1.0, detail=1.0, moves=1.0)
    made = play(chain, given, RATE)
    base = hertz(60.0)
    for begin in (len(rest), 2 * len(rest) + len(played)):
        early, late = (made[: begin + frames] for frames in (21_000, 45_000))
        rose = partials_db(late, base, 12) - partials_db(early, base, 12)
        assert np.polyfit(np.arange(1, 13) * base / 8000.0, rose, 1)[0] == pytest.approx(48, abs=6)


def test_a_sound_is_chosen_by_name_or_by_number(file: Path) -> None:
    given = tone(60.0)
    by_name = play(rack(file, "dark", amount=1.0), given, RATE)
    by_number = play(rack(file, "", amount=1.0, target=1.0), given, RATE)
    np.testing.assert_array_equal(by_name, by_number)
    last = play(rack(file, "turning", amount=1.0), given, RATE)
    beyond = play(rack(file, "", amount=1.0, target=127.0), given, RATE)
    np.testing.assert_array_equal(last, beyond)


@pytest.mark.parametrize("sound", ["", "s139"])
def test_any_of_a_hundred_and_forty_sounds_is_in_reach(tmp_path: Path, sound: str) -> None:
    notes = tuple(note(f"s{k:03}_000-060-100", "many", 60, 255 if k == 139 else 0)
                  for k in range(140))  # fmt: skip
    write_morph(tmp_path / "many.npz", replace(tilting(), notes=notes))
    knob = Timbre.declared({"model": str(tmp_path / "many.npz"), "sound": sound}, tmp_path)
    assert (knob["target"].maximum, knob["target"].default) == (139.0, 139.0 if sound else 0.0)
    given = tone(60.0, 0.2)
    last = play(rack(tmp_path / "many.npz", sound, amount=1.0, target=139.0), given)
    other = play(rack(tmp_path / "many.npz", sound, amount=1.0, target=127.0), given)
    assert np.abs(last - other).max() > 0.01


def test_two_channels_are_heard_as_one(file: Path) -> None:
    left, right = tone(60.0), tone(67.0)
    chosen: dict[str, str | int] = {"model": str(file)}
    link = Link("timbre", "timbre", {"amount": 1.0}, chosen)
    stereo = Rack("t", lanes=(Lane("a", "stereo", (link,)),))
    made = play_rack(stereo, np.concatenate([left, right], axis=1), RATE)
    np.testing.assert_array_equal(made[:, 0], made[:, 1])
    np.testing.assert_allclose(
        made[:, :1], play(rack(file, "", amount=1.0), 0.5 * (left + right), RATE), atol=1e-6
    )


def test_mistakes_are_one_clear_line(file: Path, tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="no morph is called 'nosuch'") as told:
        Timbre(model="nosuch").prepare(Setup(RATE, 1, folder=tmp_path))
    assert "\n" not in str(told.value)
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 and no more")
    for chain in (rack(tmp_path / "torn.npz"), rack(file, "trombone")):
        with pytest.raises(RackError) as refused:
            play(chain, np.zeros((64, 1), np.float32), RATE)
        assert "\n" not in str(refused.value)
