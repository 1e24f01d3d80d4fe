"""Another rate for a network: nothing drifts, nothing waits, nothing depends on the chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import noise, rack
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compiler import callable_kernel
from engine.dsp import rates
from engine.dsp.rates import converter, latency, most_frames, plan
from engine.dsp.resample import resample
from engine.kernel import Audio, kernel
from engine.plugin import Plugin, Setup, State
from engine.rack import Link
from engine.render import play

to_model, from_model = map(callable_kernel, (rates.to_model, rates.from_model))

Rates = tuple[int, int, int]
"""Of the host, of the model, and by how much it is oversampled."""

HOSTS = [44_100, 96_000, 88_200, 192_000, 22_050]
PAIRS = [(host, 48_000, 1) for host in HOSTS] + [(48_000, 44_100, 1), (192_000, 44_100, 1)]
FOLDED = [(48_000, 48_000, 2), (48_000, 48_000, 4), (44_100, 44_100, 4), (88_200, 88_200, 2)]
BOTH = [(44_100, 48_000, 2), (96_000, 44_100, 4), (192_000, 48_000, 2)]
ODD = [(44_100, 47_999, 1), (96_000, 8000, 4), (8000, 96_000, 1)]
PLAIN = [(48_000, 48_000, 1), (96_000, 48_000, 2)]
ALL = [*PAIRS, *FOLDED, *BOTH, *ODD, *PLAIN]
BLOCKS = (64,)


class Through:
    """A host's stream through a model, chunk by chunk."""

    def __init__(self, setup: Rates, network: Callable[[Any], Any] = lambda rows: rows) -> None:
        self.setup, self.network = setup, network
        self.state = converter(*setup)
        self.rows = np.zeros((setup[2], most_frames(*setup)), np.float32)
        self.counts: list[int] = []

    def way(self, name: str) -> list[np.ndarray]:
        names = (f"{name}_table", f"{name}_line", f"{name}_clock", "work")
        return [self.state[name] for name in names]

    def clock(self, name: str) -> list[int]:
        """The words that move, where the line lies left out."""
        words = [int(word) for word in self.state[f"{name}_clock"]]
        place = words[rates.AT] - words[rates.END]
        return [place, *words[rates.BLOCK : rates.LANE + 1], words[rates.WAIT]]

    def play(self, sound: np.ndarray, chunks: Iterable[int] = BLOCKS) -> np.ndarray:
        """``sound`` in chunks of these sizes, again and again; as long and as late as it comes."""
        x, sizes, done = sound.astype(np.float32), list(chunks), 0
        out = np.full_like(x, np.nan)
        while done < len(x):
            for frames in sizes:
                part = slice(done, min(done + frames, len(x)))
                self.chunk(x[part], out[part])
                done = part.stop
        return out

    def chunk(self, x: np.ndarray, out: np.ndarray) -> None:
        if len(x) == 0:
            return
        count = to_model(x, self.rows, *self.way("to"))
        assert 0 <= count <= most_frames(*self.setup, len(x))
        self.rows[:, :count] = self.network(self.rows[:, :count])
        from_model(self.rows, count, out, *self.way("from"))
        self.counts.append(count)


def through(sound: np.ndarray, setup: Rates) -> np.ndarray:
    """``sound`` through no model, its latency removed."""
    late = latency(*setup)
    return Through(setup).play(np.append(sound, np.zeros(late)))[late:]


def flat_hz(setup: Rates) -> float:
    """What passes unchanged."""
    return min(rates.AUDIBLE_HZ, rates.PASS * min(setup[0], setup[1] * setup[2]) / 2.0)


def below(hz: float, rate: int, frames: int, seed: int = 0) -> np.ndarray:
    """Noise at -20 dB with nothing above ``hz``, and silent at its ends."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(frames))
    spectrum[np.fft.rfftfreq(frames, 1.0 / rate) > hz] = 0.0
    sound = np.fft.irfft(spectrum, frames) * np.hanning(frames)
    return 0.1 * sound / sound.std()


def db(share: float) -> float:
    return float(20.0 * np.log10(max(share, 1e-12)))


def rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))


def cut(sound: np.ndarray, hz: float, rate: int) -> np.ndarray:
    """``sound`` without what lies above ``hz``."""
    spectrum = np.fft.rfft(sound)
    spectrum[np.fft.rfftfreq(len(sound), 1.0 / rate) > hz] = 0.0
    return np.fft.irfft(spectrum, len(sound))


@pytest.mark.parametrize("setup", ALL)
def test_single_frames_and_whole_chunks_are_bit_identical(setup: Rates) -> None:
    sound = noise(3000)[:, 0]
    whole, single = Through(setup), Through(setup)
    expected = whole.play(sound)
    made = single.play(sound, [1])
    assert np.isfinite(expected).all()
    np.testing.assert_array_equal(made.view(np.int32), expected.view(np.int32))
    assert sum(single.counts) == sum(whole.counts)
    assert np.abs(expected).max() > 0.05


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ALL), st.lists(st.integers(1, 64), min_size=1, max_size=30))
def test_any_chunks_are_bit_identical(setup: Rates, chunks: list[int]) -> None:
    sound = noise(1500)[:, 0]
    expected = Through(setup).play(sound)
    made = Through(setup).play(sound, chunks)
    np.testing.assert_array_equal(made.view(np.int32), expected.view(np.int32))


@pytest.mark.parametrize("setup", PAIRS + FOLDED + BOTH + PLAIN)
def test_the_latency_is_exact(setup: Rates) -> None:
    """An impulse peaks there, and no phase of the pass band is off by 3e-5 turns."""
    frames, late = 1 << 14, latency(*setup)
    impulse = np.zeros(2000)
    impulse[1000] = 1.0
    assert np.argmax(Through(setup).play(impulse)) == 1000 + late
    sound = below(flat_hz(setup), setup[0], frames)
    cycles, x = np.fft.rfftfreq(frames), np.fft.rfft(sound)
    y = np.fft.rfft(Through(setup).play(np.append(sound, sound))[frames:])
    turns = np.angle(y * np.conj(x) * np.exp(2j * np.pi * late * cycles)) / (2.0 * np.pi)
    assert np.abs(turns[np.abs(x) > 0.3 * np.abs(x).max()]).max() < 3e-5


@pytest.mark.parametrize("setup", ALL)
def test_the_latency_is_the_least_that_never_runs_dry(setup: Rates) -> None:
    p = plan(*setup)
    step = Fraction(p.down, p.up)  # host frames an inner frame
    needs = []
    for k in range(p.down * p.folds):
        newest = k // step + p.back.half
        whole = newest // p.folds * p.folds + p.folds - 1
        needs.append(whole * step // 1 + p.to.half - k)
    assert latency(*setup) == max(needs)


@pytest.mark.parametrize(
    ("setup", "frames"),
    [
        ((44_100, 48_000, 1), 69),
        ((88_200, 48_000, 1), 72),
        ((96_000, 48_000, 1), 79),
        ((192_000, 48_000, 1), 158),
        ((22_050, 48_000, 1), 69),
        ((48_000, 44_100, 1), 76),
        ((48_000, 48_000, 1), 0),
        ((48_000, 48_000, 2), 39),
        ((48_000, 48_000, 4), 39),
        ((44_100, 48_000, 2), 70),
        ((96_000, 48_000, 2), 1),
    ],
)
def test_the_latency_is_what_the_manual_says(setup: Rates, frames: int) -> None:
    assert latency(*setup) == frames


@pytest.mark.parametrize("setup", ALL)
def test_the_pass_band_is_flat(setup: Rates) -> None:
    frames, late = 1 << 14, latency(*setup)
    sound = below(flat_hz(setup), setup[0], frames)
    x = np.fft.rfft(sound)
    y = np.fft.rfft(Through(setup).play(np.append(sound, sound[:late]))[late:])
    bins = np.fft.rfftfreq(frames, 1.0 / setup[0]) < flat_hz(setup)
    bins &= np.abs(x) > 0.1 * rms(np.abs(x))
    assert np.abs(20.0 * np.log10(np.abs(y[bins]) / np.abs(x[bins]))).max() < 0.01


def response(way: rates.Way) -> tuple[np.ndarray, np.ndarray]:
    """Gain of a table by frequency, in cycles an input, images included.

    All its weights, sorted by time, are the low-pass they were taken from.
    """
    parts, size = way.parts, (2 * way.half + 2) * way.parts
    table = way.table().reshape(way.blocks, way.span, rates.LANES)
    impulse = np.zeros(2 * size)
    for block in range(way.blocks):
        inputs = way.begin(block) + np.arange(way.span)[:, None]
        outputs = rates.LANES * block + np.arange(rates.LANES)
        time = inputs * parts - outputs * way.step
        inside = np.abs(time) <= way.half * parts
        impulse[time[inside] + size] = table[block][inside]
        assert np.all(table[block][~inside] == 0.0)
    points = 1 << 20
    return np.arange(points // 2 + 1) * parts / points, np.abs(np.fft.rfft(impulse, points)) / parts


@pytest.mark.parametrize("setup", PAIRS + FOLDED + BOTH)
def test_what_would_fold_below_the_pass_band_is_100_db_down(setup: Rates) -> None:
    p = plan(*setup)
    for way, rate in ((p.to, setup[0]), (p.back, setup[1] * setup[2])):
        cycles, gain = response(way)
        lower = min(setup[0], setup[1] * setup[2])
        stop = gain[cycles * rate >= lower - flat_hz(setup)]
        assert len(stop) > 0
        assert db(stop.max()) < -100.0
        assert db(np.abs(gain[cycles * rate <= flat_hz(setup)] - 1.0).max()) < -99.0


@pytest.mark.parametrize("host", [96_000, 192_000])
def test_a_tone_above_the_models_band_does_not_fold_into_what_is_heard(host: int) -> None:
    for hz in (28_100.0, 31_000.0, 0.49 * host):
        tone = np.sin(2.0 * np.pi * hz / host * np.arange(host // 10))
        made = Through((host, 48_000, 1)).play(tone)
        assert db(np.abs(made[2000:]).max()) < -97.0


@pytest.mark.parametrize("host", HOSTS)
def test_a_48_khz_identity_nulls_against_offline_resampling(host: int) -> None:
    hz = min(20_000.0, 0.88 * min(host, 48_000) / 2.0)  # what both let pass
    sound = below(hz, host, host // 2)
    made = through(sound, (host, 48_000, 1))
    offline = resample(resample(sound[:, None], host, 48_000), 48_000, host)[: len(sound), 0]
    assert db(rms(made - offline) / rms(offline)) < -95.0


@pytest.mark.parametrize("host", HOSTS)
def test_a_48_khz_model_of_a_real_guitar_nulls_against_offline(
    host: int, guitar_file: Path
) -> None:
    def amp(sound: np.ndarray) -> np.ndarray:
        return np.tanh(3.0 * sound)

    guitar, rate = soundfile.read(guitar_file, frames=3 * 48_000)
    assert rate == 48_000
    hz = 0.88 * min(host, 48_000) / 2.0
    sound = resample(cut(guitar, hz, rate)[:, None] / np.abs(guitar).max(), rate, host)
    late = latency(host, 48_000)
    live = Through((host, 48_000, 1), amp).play(np.append(sound[:, 0], np.zeros(late)))[late:]
    offline = resample(amp(resample(sound, host, 48_000)), 48_000, host)[: len(live), 0]
    # the two let different parts of what lies above 20 kHz pass
    wanted, made = cut(offline, hz, host), cut(live, hz, host)
    assert db(rms(made - wanted) / rms(wanted)) < -95.0


@pytest.mark.parametrize("setup", [*FOLDED, *BOTH])
def test_oversampling_nothing_changes_nothing(setup: Rates) -> None:
    sound = below(flat_hz(setup), setup[0], 20_000)
    assert db(rms(through(sound, setup) - sound) / rms(sound)) < -95.0


def test_the_rows_of_an_oversampled_model_are_the_frames_between() -> None:
    rate, folds = 48_000, 4
    heard: list[np.ndarray] = []

    def listen(rows: np.ndarray) -> np.ndarray:
        heard.append(rows.copy())
        return rows

    Through((rate, rate, folds), listen).play(
        np.sin(2.0 * np.pi * 1000.0 / rate * np.arange(960)), [13]
    )
    rows = np.concatenate(heard, axis=1)
    assert rows.shape == (folds, 960)  # as many a row as the host gave
    late = plan(rate, rate, folds).to.half
    time = np.arange(960)[None, :] - late + np.arange(folds)[:, None] / folds
    wanted = np.sin(2.0 * np.pi * 1000.0 / rate * time)
    assert db(np.abs(rows - wanted)[:, 200:].max()) < -95.0


def alias_db(setup: Rates) -> float:
    """What folds back to below 20 kHz when a loud sine of 5 kHz is clipped, under the sine."""
    rate, hz = setup[0], 5001.0

    def clip(rows: np.ndarray) -> np.ndarray:
        return np.tanh(4.0 * rows)

    made = Through(setup, clip).play(np.sin(2.0 * np.pi * hz / rate * np.arange(2 * rate)))
    power = np.abs(np.fft.rfft(made[rate:])) ** 2  # a bin a hertz
    bins = np.arange(len(power))
    tone = power[5001]
    wanted = bins % 5001 == 0
    return float(10.0 * np.log10(power[(bins < 20_000) & ~wanted].sum() / tone))


def test_oversampling_leaves_less_alias() -> None:
    plain, twice, four = (alias_db((48_000, 48_000, folds)) for folds in (1, 2, 4))
    assert twice < plain - 30.0
    assert four < plain - 80.0


@pytest.mark.parametrize("setup", ALL)
def test_the_words_come_back_so_nothing_can_drift(setup: Rates) -> None:
    """After a period all words are as before, and exactly so many model frames were made."""
    p = plan(*setup)
    period = rates.LANES * p.down * p.folds
    stream = Through(setup)
    stream.play(np.zeros(3 * 64))
    before = stream.clock("to"), stream.clock("from")
    stream.counts.clear()
    stream.play(np.zeros(period), [64, 17])
    assert (stream.clock("to"), stream.clock("from")) == before
    assert sum(stream.counts) == rates.LANES * p.up


@pytest.mark.parametrize("setup", PAIRS + FOLDED + BOTH)
def test_after_a_thousand_million_frames_time_is_still_exact(setup: Rates) -> None:
    p, at = plan(*setup), 10**9
    stream = Through(setup)
    # where the words stand by whole-number arithmetic from the first frame on
    group, ahead = p.folds * p.down, p.to.half * p.up
    made = -((group - p.down + ahead - at * p.up) // group)  # model frames before frame ``at``
    place(stream.state["to_clock"], p.to, made * p.folds, at)
    stream.state["to_clock"][rates.WAIT] = made * group + group - p.down + ahead - at * p.up
    place(stream.state["from_clock"], p.back, at - p.latency, made * p.folds)
    hz = 0.4 * flat_hz(setup)
    tone = np.sin(2.0 * np.pi * hz / setup[0] * np.arange(4000))
    out = stream.play(tone, [64, 5])
    settled = 2 * p.latency + 100
    assert db(np.abs(out[settled:] - tone[settled - p.latency : -p.latency or None]).max()) < -92.0


def place(clock: np.ndarray, way: rates.Way, output: int, given: int) -> None:
    block = output // rates.LANES
    clock[rates.BLOCK], clock[rates.LANE] = block % way.blocks, output % rates.LANES
    clock[rates.AT] = clock[rates.END] + way.begin(block) - given


def test_rates_that_hardly_meet_are_taken_nearly_and_return_exactly() -> None:
    for host, model in [(44_100, 47_999), (47_999, 44_100), (192_000, 44_099), (48_000, 48_037)]:
        p = plan(host, model)
        assert abs(p.up / p.down * host / model - 1.0) < 8e-4
        assert sum(array.nbytes for array in converter(host, model).values()) < 8 << 20
        sound = below(19_000.0, host, 10_000)
        assert db(rms(through(sound, (host, model, 1)) - sound) / rms(sound)) < -95.0


@pytest.mark.parametrize("setup", [(0, 48_000, 1), (48_000, -1, 1), (48_000, 48_000, 3)])
def test_impossible_rates_are_refused(setup: Rates) -> None:
    with pytest.raises(ValueError, match=f"{setup[0]} Hz to {setup[1]} Hz by {setup[2]}"):
        plan(*setup)


class Nothing(Plugin):
    """A model at 48 kHz, twice oversampled, that does nothing."""

    def prepare(self, setup: Setup) -> State:
        self.latency_samples = latency(setup.sample_rate, 48_000, 2)
        rows = np.zeros((2, most_frames(setup.sample_rate, 48_000, 2)), np.float32)
        return {**converter(setup.sample_rate, 48_000, 2), "rows": rows}

    @kernel
    def process(audio: Audio, knobs: Any, state: Any) -> None:
        s = state
        count = rates.to_model(audio[0], s.rows, s.to_table, s.to_line, s.to_clock, s.work)
        rates.from_model(s.rows, count, audio[0], s.from_table, s.from_line, s.from_clock, s.work)


def test_it_runs_on_the_audio_thread(use: Callable[..., Link]) -> None:
    sound = below(15_000.0, 44_100, 10_000)
    made = play(rack(use(Nothing)), sound[:, None].astype(np.float32), 44_100, tail=0)
    np.testing.assert_allclose(made[:, 0], sound, atol=2e-5)
