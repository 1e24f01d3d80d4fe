"""A trained network is written in each form as it sounds in torch, or nothing is written."""

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
import torch
from modelfiles.interpreter import render

from engine.artefact import ArtefactError
from engine.modelfiles import open_model
from models.effects.networks import NetworkSizeError
from models.effects.networks.recurrent import Recurrent
from models.export import Description, check_golden, export, export_file, export_json, export_nam
from models.guitarml import guitarml
from models.replay import replay

SOUND = (0.5 * np.random.default_rng(3).standard_normal(400)).astype(np.float32)


STATE = {"h_in": "h_out", "c_in": "c_out"}


class InHops(torch.nn.Module):
    """The same network, one hop after the other, with its states beside the sound."""

    def __init__(self, network):
        super().__init__()
        self.network, self.gain = network, float(network.input_gain)

    def forward(self, audio, h, c):
        seen, (h, c) = self.network.core(audio * self.gain, (h, c))
        return self.network.dense(seen) + audio, h, c


@pytest.fixture
def network():
    torch.manual_seed(4)
    made = Recurrent("lstm", 0, hidden=6).eval()
    made.input_gain.fill_(3.7)
    made.pin_skip(True)
    with torch.no_grad():
        made.core.bias_hh_l0.normal_()  # zeros until trained
    return made


def described(**more):
    told = {"name": "box", "about": "", "architecture": "LSTM-6", "trained": {"esr": 0.5}}
    return Description(**told, sample_rate=8_000, loudness_db=-18.0, **more)


def in_torch(network, sound):
    with torch.no_grad():
        return network(torch.from_numpy(sound)[None])[0].numpy()


@pytest.mark.parametrize(("write", "file"), [(export_json, "json"), (export_nam, "nam")])
def test_our_own_kernels_play_what_torch_does(network, write, file, tmp_path):
    artefact = write(network, described(), tmp_path / "box")
    assert artefact.network == f"model.{file}"
    assert (artefact.hop_samples, artefact.state, artefact.sample_rate) == (1, {}, 8_000)
    np.testing.assert_allclose(replay(artefact, SOUND), in_torch(network, SOUND), atol=2e-6)
    assert check_golden(artefact) < 2e-6
    card = (tmp_path / "box" / "model.toml").read_text()
    assert "hop_samples" not in card and "[state]" not in card
    assert artefact.open_network().name == "box"


def test_onnx_is_written_as_ever(network, tmp_path):
    card = described(hop_samples=40, state=STATE)
    hop, state = torch.zeros(40, 1, 1), {name: torch.zeros(1, 1, 6) for name in STATE}
    artefact = export(InHops(network), card, state, hop, tmp_path / "box")
    assert artefact.is_onnx and artefact.hop_samples == 40
    np.testing.assert_allclose(replay(artefact, SOUND), in_torch(network, SOUND), atol=2e-6)


def test_what_replaces_a_model_replaces_it_whole(network, tmp_path):
    export_nam(network, described(), tmp_path / "box")
    export_json(network, described(), tmp_path / "box")
    assert sorted(path.name for path in (tmp_path / "box").iterdir()) == [
        "golden.npz", "model.json", "model.toml"
    ]  # fmt: skip


def test_what_does_not_sound_as_in_torch_is_not_written(network, tmp_path):
    export_json(network, described(), tmp_path / "box")
    before = (tmp_path / "box" / "model.json").read_bytes()
    golden = {"audio": SOUND, "audio_out": in_torch(network, SOUND)}
    deaf = guitarml(network.core, network.dense, False, 3.7, 8_000, "box")
    with pytest.raises(ArtefactError, match="is above tolerance"):
        export_file("model.json", deaf, described(), golden, tmp_path / "box")
    with pytest.raises(ArtefactError, match="is not JSON"):
        export_file("model.json", b"{", described(), golden, tmp_path / "box")
    assert (tmp_path / "box" / "model.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["box"]


@pytest.mark.parametrize("write", [export_json, export_nam])
def test_a_skip_that_guitarml_does_not_know_is_one_line(network, write, tmp_path):
    network.skip.fill_(0.5)
    with pytest.raises(NetworkSizeError, match=r"its skip is 1\.85"):
        write(network, described(), tmp_path / "box")
    assert not list(tmp_path.iterdir())


def test_what_is_no_model_is_never_replaced(network, tmp_path):
    (tmp_path / "box").mkdir()
    export_json(network, described(), tmp_path / "box")
    (tmp_path / "box" / "riff.wav").write_bytes(b"mine")
    with pytest.raises(ArtefactError, match=r"box: holds riff\.wav, which is no model"):
        export_json(network, described(), tmp_path / "box")
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(ArtefactError, match="file: is no folder"):
        export_json(network, described(), tmp_path / "file")
    assert (tmp_path / "box" / "riff.wav").read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["box", "file"]


@pytest.mark.parametrize("text", ["\U0001f3b8", "a\x7fb", "\udcff", "tab\there", 'a "b" \\c'])
def test_whatever_a_trainer_says_the_card_opens(network, text, tmp_path):
    card = Description("box", "", "LSTM", 8_000, {"command": text}, -18.0)
    told = export_json(network, card, tmp_path / "box").trained["command"]
    assert told == text.replace("\udcff", "?")


@pytest.mark.parametrize("unit", ["LSTM", "GRU"])
def test_weights_are_written_to_the_bit_and_no_longer_than_needed(unit, tmp_path):
    torch.manual_seed(5)
    core, dense = getattr(torch.nn, unit)(1, 5, 2), torch.nn.Linear(5, 1)
    data = guitarml(core, dense, True, 1.0, 44_100, "box")
    path = tmp_path / "a.json"
    path.write_bytes(data)
    model = open_model(path)
    assert (model.sample_rate, model.name, model.architecture) == (44_100, "box", f"{unit} 2x5")
    np.testing.assert_array_equal(model.network.ops[1].w_state, core.weight_hh_l1.detach().numpy())
    assert len(data) < 14 * sum(x.numel() for x in (*core.parameters(), *dense.parameters())) + 900
    with torch.no_grad():
        heard = torch.from_numpy(SOUND).reshape(-1, 1, 1)
        wanted = (dense(core(heard)[0]) + heard).reshape(-1).numpy()
    np.testing.assert_allclose(render(model.network, SOUND), wanted, atol=2e-6)
