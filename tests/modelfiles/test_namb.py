"""``.namb``: what is written here from ``.nam`` sounds the same."""

import numpy as np
import pytest
from modelfiles import samples
from modelfiles.interpreter import render
from modelfiles.namb_writer import modulated, write

from engine.modelfiles import ModelFileError, open_model

SOUND = 0.4 * np.random.default_rng(7).standard_normal(200)


@pytest.mark.parametrize(
    "make",
    [samples.wavenet, modulated, samples.lstm, samples.convnet, samples.linear],
    ids=lambda make: make.__name__,
)
def test_a_model_sounds_the_same_in_both(tmp_path, make):
    document = make()
    document["metadata"] = {"loudness": -20.0, "output_level_dbu": 9.0}
    text = open_model(samples.save(tmp_path / "a.nam", document))
    (tmp_path / "b.json").write_bytes(write(document))
    binary = open_model(tmp_path / "b.json")  # known by what is in it
    assert render(text.network, SOUND).std() > 1e-3
    np.testing.assert_array_equal(render(text.network, SOUND), render(binary.network, SOUND))
    assert (binary.format, binary.architecture) == ("namb", text.architecture)
    assert (binary.loudness_db, binary.input_dbu, binary.output_dbu) == (-20.0, None, 9.0)
    assert binary.sample_rate == 48_000 and binary.warnings == ()


@pytest.mark.parametrize(
    ("at", "value", "complaint"),
    [
        (4, 2, "is .namb version 2; supported: 1"),
        (90, 9, "is damaged: its checksum is"),
        (-3, 9, "is damaged: its checksum is"),
        (11, 99, "bytes of"),
    ],
)
def test_a_damaged_file_is_refused(tmp_path, at, value, complaint):
    data = bytearray(write(samples.lstm()))
    data[at] = value
    path = tmp_path / "a.namb"
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match=complaint):
        open_model(path)
    path.write_bytes(data[:60])
    with pytest.raises(ModelFileError, match="has 60 bytes"):
        open_model(path)
