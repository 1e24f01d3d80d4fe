"""Our own model file: a network written opens again as it was, and nothing in a file is trusted."""

import copy
import hashlib
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from modelfiles import samples
from modelfiles.interpreter import played
from neural.test_kernels import heard, networks

from engine.artefact import ArtefactError, open_artefact
from engine.boxes.fir import Fir
from engine.modelfiles import Knob, ModelFileError, open_model
from engine.modelfiles.taraf import taraf_bytes, write_taraf
from engine.neural.compiled import compile_network
from engine.neural.network import (
    Activate,
    Conv,
    Gru,
    Lstm,
    Network,
    Signal,
    Softmax,
    Ssm,
    Stage,
    Term,
    arrays,
)

FEW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def weights(*shape):
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32) / 8


def mixed(*ops, inputs=1):
    """A network of some operations on signals of their own, each after the other."""
    source = x = Signal(inputs)
    made = []
    for make in ops:
        made.append(make(source))
        source = made[-1].target
    out = Signal(1)
    made.append(Conv(out, (Term(source, weights(1, source.channels, 1)),)))
    return Network(x, out, made)


def widened(width, taps=1, steps=()):
    return lambda s: Conv(
        Signal(width), (Term(s, weights(width, s.channels, taps), 2),), steps=steps
    )


def ssm(channels, states=4):
    shape = channels, states, 2
    return lambda s: Ssm(s, Signal(channels), weights(*shape), weights(*shape), weights(channels))


def lstm(hidden):
    rows = 4 * hidden
    return lambda s: Lstm(
        s, Signal(hidden), weights(rows, s.channels), weights(rows, hidden), weights(rows),
        weights(hidden), weights(hidden),
    )  # fmt: skip


def fir(taps):
    return lambda s: Stage((s,), Signal(1), Fir(weights(taps)))


@FEW
@given(network=networks())
def test_any_network_opens_again_bit_for_bit(tmp_path_factory, network):
    path = tmp_path_factory.mktemp("taraf") / "a.json"
    model = write_taraf(path, taraf_bytes(network, 48_000, "any"))
    kept = network.without_dead_work()
    assert model.network.shape_key == kept.shape_key
    for ours, theirs in zip(model.network.ops, kept.ops, strict=True):
        for one, other in zip(arrays(ours), arrays(theirs), strict=True):
            np.testing.assert_array_equal(one, other)
    sound = heard(network, 100)
    np.testing.assert_array_equal(played(model.network, sound), played(network, sound))


def test_what_a_file_says_of_itself_is_told(opened):
    model = opened(samples.taraf(), "a.json")
    assert (model.format, model.name, model.sample_rate) == ("taraf", "everything", 48_000)
    assert model.knobs == (Knob("drive_db", 0.0, 24.0, 12.0, -1.0, 1.0),)
    assert model.tags == {"name": "everything", "author": "a tester", "gear": "pedal"}
    assert model.architecture == "grey box: TCN 2x4 + LSTM 3 + GRU 3 + SSM 3 + fir 20"
    assert {type(op) for op in model.network.ops} == {Conv, Lstm, Gru, Ssm, Softmax, Stage}
    sound = heard(model.network, 300)
    made = compile_network(model.network).play(sound, 37)
    np.testing.assert_allclose(made, played(model.network, sound)[0], atol=1e-5)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (mixed(widened(16), ssm(16), ssm(16), ssm(16), ssm(16)), "SSM 4x16"),
        (mixed(fir(2048), lstm(12)), "grey box: fir 2048 + LSTM 12"),
        (mixed(fir(9)), "grey box: fir 9"),
        (mixed(widened(8, 3, (Activate("tanh"),)), widened(8, 3)), "TCN 2x8"),
        (mixed(widened(8, 1, (Activate("tanh"),))), "MLP 8"),
        (mixed(), "linear"),
    ],
)
def test_an_architecture_is_told_in_a_few_words(tmp_path, network, words):
    model = write_taraf(tmp_path / "a.json", taraf_bytes(network, 48_000, "a"))
    assert model.architecture == words


def changed(*path, to):
    document = copy.deepcopy(samples.taraf())
    owner = document
    for key in path[:-1]:
        owner = owner[key]
    owner[path[-1]] = to
    return document


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        (changed("version", to=2), "version = 2 is not supported; supported: 1"),
        (changed("sample_rate", to=10), "sample_rate = 10 is outside 8000 to 384000"),
        (changed("knobs", to=[]), "knobs has 0 items, must have 1"),
        (changed("knobs", 0, "maximum", to=-1), "maximum = -1 is not above minimum = 0"),
        (changed("ops", 0, "op", to="fft"), "ops[0].op = 'fft' is not supported; supported: conv"),
        (changed("ops", 0, "target", to=99), "ops[0].target = 99 is outside 0 to"),
        (changed("ops", 1, "terms", 0, "weights", "shape", to=[4, 2, 4]), "numbers have 128"),
        (changed("ops", 1, "terms", 0, "weights", "shape", to=[24]), "must have 3 to 3"),
        (changed("ops", 1, "bias", "f32", to="?"), "ops[1].bias.f32 is not base64"),
        (changed("ops", 1, "bias", "f32", to="AADAfwAAwH8AAMB/AADAfw=="), "is not finite"),
        (changed("ops", 1, "steps", 1, "curve", to="tan"), "tan with 4 constants"),
        (changed("ops", 1, "steps", 0, "step", to="bend"), "steps[0].step = 'bend' is not"),
        (changed("ops", 9, "box", "kind", to="amp"), "no grey box is called 'amp'"),
        (changed("ops", 9, "box", "taps", to=3), "ops[9].box: fir: taps is not packed numbers"),
        (changed("ops", 9, "sources", to=[]), "hears nothing"),
        (changed("output", to=1), "4 channels of sound come out"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(refused, document, complaint):
    assert complaint in refused(document)


def test_recurrent_states_may_not_be_written_again(refused):
    """They lie in memory by time: what writes them by channel would write beside them."""
    document = samples.taraf()
    lstm_number = document["ops"][4]["target"]
    document["ops"].insert(5, {**copy.deepcopy(document["ops"][0]), "target": lstm_number})
    document["ops"][5]["terms"][0]["weights"] = {"shape": [3, 2, 1], "f32": "AAAA" * 8}
    assert "operation 5 writes a signal that is already made" in refused(document)
    document = samples.taraf()
    document["ops"][9]["target"] = document["output"] = document["ops"][9]["sources"][0]
    assert "operation 9 writes a signal that is already made" in refused(document)


def test_what_would_not_open_is_not_written(tmp_path):
    x, y = Signal(1), Signal(2)
    two = Network(x, y, [Conv(y, (Term(x, weights(2, 1, 1)),))])
    other_rate = mixed(fir(9))
    for network, rate, complaint in (
        (two, 48_000, "2 channels of sound"),
        (other_rate, 44_100, "a fir for 48000 Hz in a model of 44100 Hz"),
        (Network(x, y, []), 48_000, "nothing makes the output"),
        (mixed(inputs=2), 1, "sample_rate = 1 is outside"),
    ):
        with pytest.raises(ModelFileError, match=complaint):
            taraf_bytes(network, rate, "a")
    with pytest.raises(ModelFileError, match="knobs has 2 items"):
        taraf_bytes(mixed(inputs=2), 48_000, "a", [Knob("a"), Knob("b")])
    path = tmp_path / "a.json"
    path.write_text("kept")
    with pytest.raises(ModelFileError):
        write_taraf(path, b'{"format": "taraf"}')
    assert path.read_text() == "kept" and len([*tmp_path.iterdir()]) == 1


def test_what_would_ring_for_hours_is_refused():
    """It is played silence until it is at rest: the memory and the time of all that."""
    slow, loud = np.array([[[0.9999999, 0.0]]], np.float32), np.ones((1, 1, 2), np.float32)
    chain = [lambda s: Ssm(s, Signal(1), slow, loud, np.ones(1, np.float32))] * 17
    with pytest.raises(ModelFileError, match="samples; a model may ring for 16777216"):
        taraf_bytes(mixed(*chain), 48_000, "a")
    assert taraf_bytes(mixed(*chain[:15]), 48_000, "a")


def test_a_knob_without_a_name_has_a_number(tmp_path):
    data = json.loads(taraf_bytes(mixed(inputs=3), 48_000, "two knobs"))
    model = open_model(samples.save(tmp_path / "a.json", data))
    assert [knob.name for knob in model.knobs] == ["knob1", "knob2"]


def test_a_folder_whose_card_tells_another_rate_is_refused(tmp_path):
    """Other formats believe the card; a box is made for the rate of its file."""
    path = tmp_path / "model.json"
    write_taraf(path, taraf_bytes(mixed(fir(9)), 48_000, "a"))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for rate in (48_000, 44_100):
        (tmp_path / "model.toml").write_text(
            f'format = 1\nname = "a"\nsample_rate = {rate}\nlatency_samples = 0\n'
            f'tolerance = 1e-5\nsha256 = "{digest}"\n'
        )
        artefact = open_artefact(tmp_path)
        if rate == 48_000:
            assert artefact.open_network().architecture == "grey box: fir 9"
            continue
        with pytest.raises(ArtefactError, match="the card says 44100 Hz, the network 48000 Hz"):
            artefact.open_network()
