"""Models written as .nam: they open, say what they are, and sound as they did."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from modelfiles import samples
from modelfiles.interpreter import render

from engine.artefact import open_artefact
from engine.modelfiles import ModelFileError, open_model

pytest.importorskip("onnxruntime")
from engine.neural.compiled import compile_network
from models.nam import stack_of, through_a_unit
from models.replay import replay
from models.to_nam import main, to_nam

ZOO = Path(__file__).parents[2] / "models" / "zoo"
SOUND = np.random.default_rng(11).uniform(-1.0, 1.0, 400)

shipped = pytest.mark.parametrize("name", ["drive", "lead"])


def box(folder, document, name="model.json"):
    """A model's folder whose card tells only what it must."""
    folder.mkdir()
    data = json.dumps(document).encode()
    (folder / name).write_bytes(data)
    told = {"name": "box", "sha256": hashlib.sha256(data).hexdigest()}
    numbers = {"format": 1, "sample_rate": 44_100, "latency_samples": 0, "tolerance": 1e-5}
    lines = [f"{key} = {json.dumps(value)}" for key, value in {**told, **numbers}.items()]
    (folder / "model.toml").write_text("\n".join(lines))
    return open_artefact(folder)


@shipped
def test_a_shipped_model_sounds_the_same_as_nam(name, tmp_path):
    artefact = open_artefact(ZOO / name)
    golden = artefact.golden()
    network = to_nam(artefact, tmp_path / "a.nam", {}).network
    played = compile_network(network).play(golden["audio"])
    assert np.abs(played - golden["audio_out"]).max() < 5e-6
    assert np.abs(played - replay(artefact, golden["audio"])).max() < 2e-6


@shipped
def test_the_unit_for_the_skip_is_not_heard_by_the_others(name, tmp_path):
    network = open_artefact(ZOO / name).open_network().network
    own = stack_of(network)
    grown = through_a_unit(own)
    assert grown.skip == 0.0 and len(grown.head) == len(own.head) + 1
    layer = grown.layers[0]
    hidden = len(own.head)
    w_state = layer.w_state.reshape(4, hidden + 1, hidden + 1)
    assert not w_state[:, :, -1].any() and not w_state[:, -1].any()
    np.testing.assert_array_equal(
        w_state[:, :-1, :-1].reshape(4 * hidden, hidden), own.layers[0].w_state
    )


@pytest.mark.parametrize("layers", [1, 3])
def test_the_skip_is_the_sound_to_two_millionths(layers, tmp_path):
    document = samples.guitarml(inputs=1, layers=layers)
    document["state_dict"]["lin.weight"] = np.zeros((1, 4)).tolist()
    document["state_dict"]["lin.bias"] = [0.0]
    network = to_nam(box(tmp_path / "box", document), tmp_path / "a.nam", {}).network
    for level in (1e-3, 1.0, 2.0):
        np.testing.assert_allclose(render(network, level * SOUND), level * SOUND, rtol=0,
                                   atol=2e-6 * level)  # fmt: skip
        made = compile_network(network).play(level * SOUND)
        np.testing.assert_allclose(made, level * SOUND, rtol=0, atol=2e-6 * level)


@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("layers", [1, 2])
def test_any_lstm_sounds_the_same_as_nam(skip, layers, tmp_path):
    artefact = box(tmp_path / "box", samples.guitarml(inputs=1, layers=layers, skip=skip))
    model = to_nam(artefact, tmp_path / "a.nam", {})
    wanted = render(artefact.open_network().network, SOUND)
    np.testing.assert_allclose(render(model.network, SOUND), wanted, rtol=0, atol=1e-6)
    assert model.architecture == f"LSTM {layers}x{4 + skip}"


def test_a_nam_says_what_it_is(tmp_path):
    said = {"name": "my drive", "gear_type": "pedal"}
    model = to_nam(open_artefact(ZOO / "drive"), tmp_path / "a.nam", said)
    assert (model.name, model.tags["gear"], model.sample_rate) == ("my drive", "pedal", 48_000)
    assert model.loudness_db == pytest.approx(-15.4, abs=1.0)  # NAM's own sound gives -15.37
    assert 0.0 < model.gain < 1.0
    document = json.loads((tmp_path / "a.nam").read_text())
    assert document["version"] == "0.5.4"
    assert set(document["metadata"]["date"]) == {
        "year", "month", "day", "hour", "minute", "second"
    }  # fmt: skip


def test_a_nam_keeps_its_weights_and_what_it_says(tmp_path):
    document = {**samples.wavenet(), "metadata": {"loudness": -20.5, "name": "old", "gain": None}}
    artefact = box(tmp_path / "box", document, "model.nam")
    model = to_nam(artefact, tmp_path / "a.nam", {"name": "new"})
    assert (model.name, model.loudness_db, model.sample_rate) == ("new", -20.5, 44_100)
    assert model.gain is not None
    written = json.loads((tmp_path / "a.nam").read_text())
    assert written["weights"] == document["weights"] and written["config"] == document["config"]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (samples.guitarml("GRU", inputs=1), "is not made of layers of LSTM and a linear output"),
        (samples.wavenetva(), "is not made of layers of LSTM and a linear output"),
    ],
)
def test_what_nam_has_no_place_for_is_refused_and_nothing_written(document, complaint, tmp_path):
    artefact = box(tmp_path / "box", document)
    with pytest.raises(ValueError, match=complaint) as caught:
        to_nam(artefact, tmp_path / "a.nam", {})
    assert str(caught.value).startswith(str(artefact.network_path))
    assert [path.name for path in tmp_path.iterdir()] == ["box"]


def test_it_is_written_whole_or_not_at_all(tmp_path):
    artefact = open_artefact(ZOO / "drive")
    (tmp_path / "a.nam").write_text("mine")
    with pytest.raises(ModelFileError, match="metadata"):
        to_nam(artefact, tmp_path / "a.nam", {"name": object()})
    assert (tmp_path / "a.nam").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("folder", "out", "complaint"),
    [
        ("none", "a.nam", "none: no such folder"),
        ("drive", "a.json", r"a\.json: does not end in \.nam"),
        ("drive", "no/a.nam", "cannot be written"),
    ],
)
def test_the_command_complains_in_one_line(folder, out, complaint, tmp_path):
    with pytest.raises(SystemExit, match=complaint) as caught:
        main([str(ZOO / folder), str(tmp_path / out)])
    assert str(caught.value).isprintable()


def test_the_command_does_not_write_into_the_model_it_reads(tmp_path):
    artefact = box(tmp_path / "box", samples.guitarml(inputs=1))
    with pytest.raises(SystemExit, match="network of the model itself"):
        main([str(artefact.path), str(artefact.path / "model.nam")])


def test_the_command_converts_and_helps(tmp_path, capsys):
    out = tmp_path / "lead.nam"
    main([str(ZOO / "lead"), str(out), "--gear-make", "us", "--tone-type", "hi_gain"])
    assert open_model(out).tags["make"] == "us"
    assert "LSTM 1x21" in capsys.readouterr().out
    command = [sys.executable, "-m", "models.to_nam", "--help"]
    root = Path(__file__).parents[2]
    assert "--gear-type" in subprocess.check_output(command, text=True, cwd=root)
