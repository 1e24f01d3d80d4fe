"""What was learnt becomes a model that plays live by its name."""

import numpy as np
import pytest

pytest.importorskip("torch")
from conftest import rack

from engine.artefact import ArtefactError, open_artefact
from engine.boxes.fir import Fir
from engine.modelfiles import Knob
from engine.neural.compiled import compile_network
from engine.neural.network import Conv, Network, Signal, Stage, Term
from engine.rack import Link
from engine.render import Move, play
from models.effects.candidate import Candidate, of_trained
from models.effects.deploy import deploy, make_sure, plain_name
from models.effects.training import Settings, train
from models.pairs import KnobRange, open_pairs
from models.replay import replay

from .conftest import RATE, bent

TRAINED = {"command": "taraf train", "esr": 0.01}


def candidate(knobs=(), late=0, name="filter"):
    """A short filter that adds a tenth of what it hears of its knobs."""
    heard, made = Signal(1 + len(knobs)), Signal(1)
    weights = np.zeros((1, 1 + len(knobs), 8), np.float32)
    weights[0, 0, 7 - late] = 1.0
    weights[0, 1:, -1] = 0.1
    network = Network(heard, made, [Conv(made, (Term(heard, weights),))])
    return Candidate(name, name, network, 48_000, knobs=knobs, latency_samples=late)


def boxed():
    heard, made = Signal(1), Signal(1)
    taps = np.array([0.5, 0.25, -0.1], np.float32)
    network = Network(heard, made, [Stage((heard,), made, Fir(taps), 48_000)])
    return Candidate("linear", "linear", network, 48_000)


def through(name, sound, moves=(), rate=48_000, block=64):
    link = Link("model", "model", {}, {"model": name, "levels": "raw"})
    return play(rack(link), sound[:, None], rate, block, list(moves))[:, 0]


def noise(frames=4800):
    return (0.1 * np.random.default_rng(3).standard_normal(frames)).astype(np.float32)


@pytest.mark.parametrize("made", [candidate(), boxed()], ids=["filter", "box"])
def test_the_golden_take_sounds_again_in_blocks_of_37(made, tmp_path):
    artefact = deploy(made, tmp_path / "room", "A room", TRAINED)
    golden = artefact.golden()
    model = artefact.open_network()
    again = compile_network(model.network).play(golden["audio"], 37)
    assert np.abs(again - golden["audio_out"]).max() <= artefact.tolerance
    assert (artefact.name, artefact.about, artefact.architecture) == ("room", "A room", made.name)
    assert artefact.trained["command"] == "taraf train" and artefact.loudness_db is not None


def test_a_model_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    deploy(boxed(), tmp_path / "room", "A room", TRAINED)
    before = {path.name: path.read_bytes() for path in (tmp_path / "room").iterdir()}
    monkeypatch.setattr("models.effects.deploy.taraf_bytes", lambda *_: b"{")
    with pytest.raises(ArtefactError, match="is not JSON"):
        deploy(boxed(), tmp_path / "room", "Another", TRAINED)
    with pytest.raises(ArtefactError, match="is not JSON"):
        deploy(boxed(), tmp_path / "hall", "Another", TRAINED)
    assert {path.name: path.read_bytes() for path in (tmp_path / "room").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["room"]


@pytest.mark.parametrize("name", ["Fuzz", ".fuzz", "my fuzz", "fü", "a" * 81, "-x"])
def test_a_name_that_is_none_is_refused_before_anything_is_written(name, tmp_path):
    for refused in (lambda: make_sure(tmp_path / name),
                    lambda: deploy(boxed(), tmp_path / name, "", TRAINED)):  # fmt: skip
        with pytest.raises(ArtefactError, match="a model's name has small letters"):
            refused()
    assert not list(tmp_path.iterdir())


def test_any_text_makes_a_name():
    assert plain_name("My Fuzz (2).wav") == "my-fuzz-2-.wav"
    assert plain_name("../..") == plain_name("你好") == plain_name("") == "model"
    assert len(plain_name("long " * 100)) <= 80


def test_recordings_in_the_place_of_a_model_are_never_replaced(tmp_path):
    (tmp_path / "fuzz" / "dry").mkdir(parents=True)
    for refused in (lambda: make_sure(tmp_path / "fuzz"),
                    lambda: deploy(boxed(), tmp_path / "fuzz", "", TRAINED)):  # fmt: skip
        with pytest.raises(ArtefactError, match="fuzz: holds dry, which is no model"):
            refused()
    assert [path.name for path in tmp_path.iterdir()] == ["fuzz"]
    assert [path.name for path in (tmp_path / "fuzz").iterdir()] == ["dry"]


def test_a_line_for_the_card_may_be_any_text(tmp_path):
    assert deploy(boxed(), tmp_path / "a", "two\nlines \x00\U0001f3b8", {}).about == (
        "two lines \U0001f3b8"
    )


def test_what_nam_can_hold_is_written_as_that(pairs_of, small_networks, tmp_path, monkeypatch):
    from models.effects import networks
    from models.effects.networks.wavenet import Stack, WaveNet

    opened = open_pairs(pairs_of("fuzz", bent))
    stacks = (Stack(2, (3, 3), (1, 2), "Tanh", 1),)
    tiny = {"wavenet-tiny": lambda name, k: WaveNet(name, k, stacks)}
    monkeypatch.setattr(networks, "ARCHITECTURES", networks.ARCHITECTURES | tiny)
    settings = Settings(steps=2, batch=2, segment=256, threads=1, accelerator="cpu")
    trained = train(opened, "wavenet-tiny", settings, progress=False)
    artefact = deploy(of_trained(trained, opened), tmp_path / "my-fuzz", "Fuzz", TRAINED)
    assert artefact.network == "model.nam" and artefact.sample_rate == RATE
    assert artefact.trained["steps"] == 2
    golden = artefact.golden()
    np.testing.assert_allclose(replay(artefact, golden["audio"]), golden["audio_out"], atol=1e-5)


def test_the_knobs_of_the_pairs_are_on_the_card_and_turn(tmp_path, monkeypatch):
    monkeypatch.setenv("TARAF_MODELS", str(tmp_path))
    knobs = (Knob("Drive (dB)", 10.0, 30.0, 20.0), Knob("drive_db", 0.0, 1.0, 0.25))
    artefact = deploy(candidate(knobs), tmp_path / "turned", "Turned", TRAINED)
    told = [(knob.name, knob.minimum, knob.maximum, knob.default) for knob in artefact.knobs]
    assert told == [("drive_db", 10.0, 30.0, 20.0), ("drive_db_2", 0.0, 1.0, 0.25)]
    assert artefact.golden()["knobs"].tolist() == [[20.0, 0.25]]
    sound = noise()
    usual = through("turned", sound)
    np.testing.assert_allclose(usual, sound + 0.1 * 0.5 + 0.1 * 0.25, atol=1e-5)
    turned = through("turned", sound, [Move(0, "a.model.knob1", 1.0)])
    assert turned[-1] - usual[-1] == pytest.approx(0.05, abs=1e-4)


def test_knobs_of_a_trained_network_have_the_ranges_of_the_pairs(pairs_of, small_networks):
    from dataclasses import replace

    opened = open_pairs(pairs_of("fuzz", bent))
    halves = [replace(pair, knobs={"tone": at}) for pair, at in
              zip(opened.pairs, (2.0, 6.0), strict=True)]  # fmt: skip
    turned = replace(opened, pairs=tuple(halves), knobs=(KnobRange("tone", 2.0, 6.0),))
    settings = Settings(steps=1, batch=2, segment=256, threads=1, accelerator="cpu")
    made = of_trained(train(turned, "lstm-tiny", settings, progress=False), turned)
    assert [(k.name, k.minimum, k.maximum, k.default) for k in made.knobs] == [("tone", 2, 6, 4)]
    assert made.nam is None


def test_a_latency_is_on_the_card_and_taken_off_by_who_plays_it(tmp_path):
    from models.judging.player import open_player

    artefact = deploy(candidate(late=5), tmp_path / "late", "Late", TRAINED)
    assert open_artefact(tmp_path / "late").latency_samples == artefact.latency_samples == 5
    np.testing.assert_allclose(
        open_player(str(tmp_path / "late")).play(noise(), 48_000), noise(), atol=1e-6
    )


def test_a_model_is_played_by_name_from_the_players_own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TARAF_MODELS", str(tmp_path))
    deploy(boxed(), tmp_path / "my-room", "Room", TRAINED)
    sound = noise()
    wanted = np.convolve(sound, [0.5, 0.25, -0.1])[: len(sound)]
    np.testing.assert_allclose(through("my-room", sound), wanted, atol=1e-5)
