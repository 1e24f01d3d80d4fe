"""What we train is written as ``.nam``, opens again and sounds the same."""

import numpy as np
import pytest
from modelfiles import samples
from modelfiles.interpreter import render

from engine.modelfiles import ModelFileError, open_model
from engine.modelfiles.write import lstm_nam, nam_bytes, wavenet_nam, write_nam

SOUND = 0.4 * np.random.default_rng(7).standard_normal(200)
SAID = {"name": "box", "loudness": -18.5, "gain": 0.5, "input_level_dbu": None}


def test_a_wavenet_opens_again_bit_for_bit(tmp_path):
    document = samples.wavenet()
    text = open_model(samples.save(tmp_path / "a.nam", document))
    config = {key: v for key, v in document["config"].items() if key != "head_scale"}
    data = wavenet_nam(config, document["weights"][:-1], 0.5, 44_100, SAID)
    model = write_nam(tmp_path / "b.nam", data)
    np.testing.assert_array_equal(render(model.network, SOUND), render(text.network, SOUND))
    assert (model.sample_rate, model.loudness_db, model.name) == (44_100, -18.5, "box")
    assert model.warnings == () and model.input_dbu is None
    assert b'"version": "0.5.4"' in data


def test_newer_features_are_written_as_the_newer_version(tmp_path):
    document = samples.modulated()
    data = wavenet_nam(document["config"], document["weights"][:-1], 0.5, 48_000)
    assert b'"version": "0.7.0"' in data


def test_an_lstm_opens_again_bit_for_bit(tmp_path):
    document = samples.lstm(5, 2)
    text = open_model(samples.save(tmp_path / "a.nam", document))
    first, second, head = text.network.ops
    parts = [
        [getattr(op, name) for op in (first, second)]
        for name in ("w_in", "w_state", "bias", "h0", "c0")
    ]
    data = lstm_nam(*parts, head.terms[0].weights, head.bias, 48_000, SAID)
    model = write_nam(tmp_path / "b.nam", data)
    np.testing.assert_array_equal(render(model.network, SOUND), render(text.network, SOUND))
    assert model.architecture == "LSTM 2x5"


def test_what_would_not_open_is_not_written(tmp_path):
    path = tmp_path / "a.nam"
    with pytest.raises(ModelFileError, match="weights: the file has 3, this architecture needs"):
        nam_bytes("LSTM", {"hidden_size": 2}, np.zeros(3), 48_000)
    with pytest.raises(ModelFileError, match="is not finite"):
        nam_bytes("Linear", {"receptive_field": 1}, [np.nan], 48_000)
    write_nam(path, nam_bytes("Linear", {"receptive_field": 1}, [1.0], 48_000))
    before = path.read_bytes()
    with pytest.raises(ModelFileError, match=r"a\.nam: is not JSON"):
        write_nam(path, b"{")
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told(tmp_path):
    data = nam_bytes("Linear", {"receptive_field": 1}, [1.0], 48_000)
    with pytest.raises(ModelFileError, match="cannot be written: No such file"):
        write_nam(tmp_path / "none" / "a.nam", data)
    (tmp_path / "b.nam").mkdir()
    with pytest.raises(ModelFileError, match="cannot be written: "):
        write_nam(tmp_path / "b.nam", data)
    assert [path.name for path in tmp_path.iterdir()] == ["b.nam"]
