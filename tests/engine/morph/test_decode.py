"""Networks as compiled kernels are the equations of model.py."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.morph.decode import Coder, decoder_state, dense_state, encoder_state
from engine.morph.errors import MorphError
from engine.morph.file import write_morph
from engine.morph.grid import from_unit
from engine.morph.model import ACTIVATIONS, LEAK, conditions_of

from .conftest import dense

CURVES = {
    "none": lambda x: x,
    "relu": lambda x: np.maximum(x, 0.0),
    "leaky_relu": lambda x: np.where(x > 0.0, x, LEAK * x),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x)),
    "silu": lambda x: x / (1.0 + np.exp(-x)),
}


def computed(layers, given):
    """The equation, in numpy, in double precision."""
    x = given = np.asarray(given, float)
    for layer in layers:
        seen = np.concatenate([x, given], axis=1) if layer.joined else x
        made = CURVES[layer.activation](seen @ layer.kernel.astype(float).T + layer.bias)
        x = made + x if layer.residual else made
    return x


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("units", [1, 20, 128, 129, 257])
def test_a_layer_is_its_equation(activation, units):
    rng = np.random.default_rng(units)
    layers = (dense(rng, units, 27, activation),)
    given = rng.normal(size=(4, 27))
    made = Coder(dense_state(layers, "float32"))(given)
    np.testing.assert_allclose(made, computed(layers, given), atol=1e-5)


@pytest.mark.parametrize("conditions", ["chroma", "notes"])
@pytest.mark.parametrize("storage", ["float32", "bfloat16"])
def test_decoder_and_encoder_are_numpys(make_morph, tmp_path, conditions, storage):
    model = write_morph(tmp_path / "a.npz", make_morph(conditions), storage)
    rng = np.random.default_rng(0)
    for _, layers, inputs, _ in model.networks():
        given = rng.random((5, inputs)).astype(np.float32)
        wanted = np.clip(computed(layers, given), 0.0, 1.0)
        if layers is model.decoder:
            levels = Coder(decoder_state(model))(given)
            np.testing.assert_allclose((levels + 80.0) / 80.0, wanted, atol=1e-5)
            np.testing.assert_allclose(levels, from_unit(wanted), atol=1e-3)
        else:
            made = Coder(encoder_state(model))(given)
            np.testing.assert_allclose(made, wanted, atol=1e-5)


def test_levels_are_held_to_what_they_mean(make_morph):
    model = make_morph()
    last = replace(model.decoder[-1], activation="none")
    model = replace(model, decoder=(*model.decoder[:-1], replace(last, kernel=last.kernel * 50)))
    levels = Coder(decoder_state(model))(np.random.default_rng(1).random((3, 23)))
    assert levels.min() == -80.0 and levels.max() == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_forgotten_with_its_frame(make_morph, bad):
    coder = Coder(decoder_state(make_morph()))
    good = np.full((1, 23), 0.5, np.float32)
    before = coder(good)
    assert np.isfinite(coder(np.full((1, 23), bad, np.float32))).all()
    np.testing.assert_array_equal(coder(good), before)


def test_voices_know_nothing_of_each_other(make_morph):
    model = make_morph()
    coder = Coder(decoder_state(model, voices=3))
    alone = Coder(decoder_state(model))
    given = np.random.default_rng(2).random((3, 23)).astype(np.float32)
    coder.arrays["dense_given"][:] = given
    for voice in (2, 0, 1):
        coder._call(coder.arrays["dense_table"].ctypes.data, voice, 0, 0)
    np.testing.assert_array_equal(coder.arrays["dense_made"], alone(given))


def test_numbers_of_another_shape_are_refused(make_morph):
    with pytest.raises(MorphError, match=r"\(2, 9\) are not \(count, 23\)"):
        Coder(decoder_state(make_morph()))(np.zeros((2, 9)))


def test_conditions_say_pitch_and_velocity_and_bend_without_a_step():
    c4 = conditions_of(60, 127)
    assert c4[:12].tolist() == [1.0] + [0.0] * 11
    assert c4[12:] == pytest.approx([0.5, 60 / 127, 1.0])
    assert conditions_of(69, 0, "notes").nonzero()[0].tolist() == [69]
    for kind in ("chroma", "notes"):
        path = np.array([conditions_of(p, 64, kind) for p in np.arange(-1.0, 128.5, 0.01)])
        assert np.abs(np.diff(path, axis=0)).max() < 0.0101
        assert path.min() >= 0.0 and path.max() <= 1.0
        assert np.isfinite(conditions_of(float("nan"), float("nan"), kind)).all()
