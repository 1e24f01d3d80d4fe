"""Models written for other players: they open, say what they are, and sound as they did."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from modelfiles import samples
from modelfiles.interpreter import render

from engine.artefact import open_artefact
from engine.cli import main
from engine.modelfiles import ModelFileError, open_model
from engine.modelfiles.taraf import taraf_bytes
from engine.neural.compiled import compile_network
from models import exchange
from models.exchange import ExchangeError, write
from models.nam import stack_of, through_a_unit
from models.named import open_named

ZOO = Path(__file__).parents[2] / "models" / "zoo"
GOLDEN = Path(__file__).parents[1] / "golden"
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


def exported(artefact, out, said=None):
    """The model as another player opens it."""
    return write(open_named(f"{artefact.path}/"), out, said).model


@shipped
@pytest.mark.parametrize("kind", ["nam", "json"])
def test_a_shipped_model_sounds_the_same_elsewhere(name, kind, tmp_path):
    artefact = open_artefact(ZOO / name)
    golden = artefact.golden()
    model = exported(artefact, tmp_path / f"a.{kind}")
    assert model.format == {"nam": "nam", "json": "guitarml"}[kind]
    played = compile_network(model.network).play(golden["audio"])
    assert np.abs(played - golden["audio_out"]).max() < 1e-5


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
    network = exported(box(tmp_path / "box", document), tmp_path / "a.nam").network
    for level in (1e-3, 1.0, 2.0):
        np.testing.assert_allclose(render(network, level * SOUND), level * SOUND, rtol=0,
                                   atol=2e-6 * level)  # fmt: skip
        made = compile_network(network).play(level * SOUND)
        np.testing.assert_allclose(made, level * SOUND, rtol=0, atol=2e-6 * level)


@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("layers", [1, 2])
def test_any_lstm_sounds_the_same_as_nam(skip, layers, tmp_path):
    artefact = box(tmp_path / "box", samples.guitarml(inputs=1, layers=layers, skip=skip))
    model = exported(artefact, tmp_path / "a.nam")
    wanted = render(artefact.open_network().network, SOUND)
    np.testing.assert_allclose(render(model.network, SOUND), wanted, rtol=0, atol=1e-6)
    assert model.architecture == f"LSTM {layers}x{4 + skip}"


def test_a_nam_says_what_it_is(tmp_path):
    said = {"name": "my drive", "gear_type": "pedal"}
    model = exported(open_artefact(GOLDEN / "drive"), tmp_path / "a.nam", said)
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
    model = exported(artefact, tmp_path / "a.nam", {"name": "new"})
    assert (model.name, model.loudness_db, model.sample_rate) == ("new", -20.5, 44_100)
    assert model.gain is not None
    written = json.loads((tmp_path / "a.nam").read_text())
    assert written["weights"] == document["weights"] and written["config"] == document["config"]


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (samples.guitarml("GRU", inputs=1), "a linear output, but has GRU, convolutions; "),
        (samples.wavenetva(), "is not made of layers of LSTM and a linear output, but has conv"),
        (samples.guitarml(inputs=2), "has 1 knobs; players of .nam have none"),
    ],
)
def test_what_nam_has_no_place_for_is_refused_and_nothing_written(document, complaint, tmp_path):
    source = tmp_path / "source.json"
    source.write_text(json.dumps(document))
    with pytest.raises(ExchangeError, match=complaint) as caught:
        write(open_named(str(source)), tmp_path / "a.nam")
    assert str(caught.value).startswith(str(source))
    assert [path.name for path in tmp_path.iterdir()] == ["source.json"]


def test_it_is_written_whole_or_not_at_all(tmp_path):
    artefact = open_artefact(GOLDEN / "drive")
    (tmp_path / "a.nam").write_text("mine")
    with pytest.raises(ModelFileError, match="metadata"):
        exported(artefact, tmp_path / "a.nam", {"name": object()})
    assert (tmp_path / "a.nam").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_what_would_sound_otherwise_is_not_written(tmp_path, monkeypatch):
    path = tmp_path / "soft.json"
    path.write_text(json.dumps(samples.guitarml(inputs=1)))
    deaf, honest = open_model(path).network, exchange.lstm_bytes
    deaf.ops[0].w_state[:] = 0.0
    monkeypatch.setattr(exchange, "lstm_bytes", lambda _, *told: honest(deaf, *told))
    with pytest.raises(ExchangeError, match=r"otherwise as \.nam; it is not written"):
        write(open_named(str(path)), tmp_path / "a.nam")
    assert [found.name for found in tmp_path.iterdir()] == ["soft.json"]


def test_a_skip_of_any_size_goes_into_both_formats(tmp_path):
    torch = pytest.importorskip("torch")
    from models.effects.networks import build

    network = build("lstm-small")
    with torch.no_grad():
        network.skip.fill_(0.4)
    source = tmp_path / "soft.json"
    source.write_bytes(taraf_bytes(network.to_network(), 48_000, "soft"))
    for out in (tmp_path / "a.nam", tmp_path / "a.json"):
        written = write(open_named(str(source)), out)
        assert written.error < 5e-6 and written.model.architecture == "LSTM 1x13"
        assert written.model.name == "soft"


def taraf(*arguments):
    return main(["export", *map(str, arguments)])


@pytest.mark.parametrize(
    ("model", "out", "complaint"),
    [
        (ZOO / "none", "a.nam", "none: no such file"),
        ("nothing-like-it", "a.nam", "no model is called 'nothing-like-it'"),
        (ZOO / "drive", "a.wav", "a.wav: does not end in .nam or .json"),
        (ZOO / "drive", "no/a.nam", "cannot be written"),
        (ZOO / "drive", "no/a.json", "cannot be written"),
        (GOLDEN / "drive_onnx", "a.nam", "is ONNX, which no .nam can hold"),
    ],
)
def test_the_command_complains_in_one_line(model, out, complaint, tmp_path, capsys):
    assert taraf(model, tmp_path / out) == 2
    told = capsys.readouterr()
    assert told.out == "" and told.err.count("\n") == 1 and complaint in told.err
    assert not list(tmp_path.iterdir())


def test_the_command_does_not_write_into_the_model_it_reads(tmp_path, capsys):
    artefact = box(tmp_path / "box", samples.guitarml(inputs=1))
    for name, complaint in (("model.nam", "network of the model itself"), ("model.json", "itself")):
        assert taraf(f"{artefact.path}/", artefact.path / name) == 2
        assert complaint in capsys.readouterr().err
    open_artefact(artefact.path)


def test_the_command_converts_by_name_and_says_what_it_wrote(tmp_path, capsys):
    out = tmp_path / "lead.nam"
    assert taraf("lead", out, "--gear-make", "us", "--tone-type", "hi_gain", "--json") == 0
    assert open_model(out).tags["make"] == "us"
    told = json.loads(capsys.readouterr().out)
    assert told["file"] == str(out) and told["format"] == "nam" and told["difference"] < 1e-5
    assert taraf(out, tmp_path / "again.nam", "--name", "mine") == 0
    assert "again.nam: LSTM 1x" in capsys.readouterr().out
    assert open_model(tmp_path / "again.nam").name == "mine"
