"""Against what others' players made of the same files."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from modelfiles.interpreter import render

from engine.modelfiles import ModelFileError, open_model
from engine.neural.network import Conv, Network, Term

DATA = Path(__file__).parents[3] / "shared" / "data"
COVERAGE = sorted((DATA / "nam_coverage").glob("*.nam"))
GOLDEN = ("A2_lite", "lstm", "slimmable_container", "slimmable_wavenet", "wavenet")
GOLDEN += ("wavenet_a1_standard", "wavenet_condition_dsp")
VECTORS = ("conv", "dense", "gru", "gru_1d", "lstm", "lstm_1d")
EVERY_FILE = [
    path
    for folder, suffix in (("nam", "nam"), ("nam_coverage", "nam"), ("json_models", "json"))
    for path in sorted((DATA / folder).rglob(f"*.{suffix}"))
]

# NeuralAmpModelerCore computes in single precision. Of the peak; and one rounding of a number
# near 1, which is all that matters in act_Sigmoid, where 1 cancels to leave 0.016.
OF_PEAK, ROUNDING = 5e-6, 1.5e-7

needs_data = pytest.mark.skipif(not EVERY_FILE, reason="needs the models in ../shared/data")


def sound(path):
    audio, _ = soundfile.read(path)
    assert audio.std() > 1e-3, f"{path.name} is silent"
    return audio


def differs(network, folder, golden):
    """Return the largest error and what of it is allowed."""
    warm = 24_000 if network.is_recurrent else network.receptive_field
    wanted = sound(DATA / folder / golden)
    made = render(network, sound(DATA / folder / "input.wav"), warm=warm)
    return np.abs(made - wanted).max(), OF_PEAK * np.abs(wanted).max() + ROUNDING


@needs_data
@pytest.mark.parametrize("path", COVERAGE, ids=lambda path: path.stem)
def test_every_feature_sounds_as_in_core(path):
    network = open_model(path, core_compatible=True).network
    error, allowed = differs(network, "nam_coverage", f"{path.stem}.golden.wav")
    assert error < allowed


@needs_data
@pytest.mark.parametrize("name", GOLDEN)
def test_known_models_sound_as_in_core(name):
    model = open_model(DATA / "nam" / f"{name.removesuffix('_lite')}.nam", core_compatible=True)
    network = model.sizes[0].network if name == "A2_lite" else model.network
    error, allowed = differs(network, "nam_golden", f"{name}.wav")
    assert error < allowed


@needs_data
def test_reversed_taps_would_be_noticed():
    network = open_model(DATA / "nam" / "wavenet.nam").network
    error, allowed = differs(backwards(network), "nam_golden", "wavenet.wav")
    assert error > 1000 * allowed


def backwards(network):
    """The same network with the taps of every convolution in the wrong order."""
    ops = [
        Conv(
            op.target,
            tuple(
                Term(t.signal, np.ascontiguousarray(t.weights[:, :, ::-1]), t.dilation, t.groups)
                for t in op.terms
            ),
            op.bias,
            op.adds,
            op.steps,
            op.total,
        )
        for op in network.ops
    ]
    return Network(network.input, network.output, ops)


@needs_data
@pytest.mark.parametrize("name", VECTORS)
def test_rtneural_gives_its_own_vectors(name):
    folder = DATA / "json_models" / "rtneural_vectors"
    audio = np.loadtxt(folder / f"{name}_x_python.csv")
    wanted = np.loadtxt(folder / f"{name}_y_python.csv")
    assert wanted.std() > 1e-3
    made = render(open_model(folder / f"{name}.json").network, audio)
    np.testing.assert_allclose(made, wanted, atol=1e-6, rtol=0)


@needs_data
@pytest.mark.parametrize("path", EVERY_FILE, ids=lambda path: path.stem)
def test_every_file_opens_and_stays_finite(path):
    model = open_model(path)
    audio = 0.3 * np.random.default_rng(1).standard_normal(200)
    for size in model.sizes:
        made = render(size.network, audio, knobs=[knob.low for knob in model.knobs])
        assert np.isfinite(made).all()
    assert model.architecture and model.name and len(model.sha256) == 64


@needs_data
def test_an_error_names_both_counts(tmp_path):
    text = (DATA / "nam" / "wavenet.nam").read_text()
    path = tmp_path / "short.nam"
    path.write_text(text.replace('"weights": [', '"weights": [1.0, ', 1))
    with pytest.raises(
        ModelFileError, match=r"weights: the file has 132, this architecture needs 131"
    ):
        open_model(path)
