"""Networks that learn effects: what the engine plays is what torch made."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from engine.modelfiles import open_model
from engine.modelfiles.guitarml import read_guitarml
from engine.modelfiles.reading import read_json
from engine.modelfiles.write import write_nam
from engine.neural.compiled import compile_network
from models.effects.networks import ARCHITECTURES, NetworkSizeError, build
from models.effects.networks.recurrent import Recurrent
from models.effects.networks.scan import CHUNK, scan
from models.effects.networks.ssm import SsmNetwork
from models.effects.networks.tcn import Tcn
from models.effects.networks.wavenet import Stack, WaveNet, a1, a2

FRAMES = 700
SMALL = {
    "ssm": lambda k: SsmNetwork("ssm", k, blocks=2, channels=4, states=2),
    "lstm": lambda k: Recurrent("lstm", k, hidden=4),
    "two layers": lambda k: Recurrent("lstm", k, hidden=4, layers=2),
    "gru": lambda k: Recurrent("gru", k, hidden=4, unit="GRU"),
    "tcn": lambda k: Tcn("tcn", k, channels=4, taps=3, layers=3, growth=5),
    "a1": lambda k: WaveNet("a1", k, a1(4, 2, (1, 2, 4), (8, 1))),
    "a2": lambda k: WaveNet("a2", k, (Stack(3, (6, 15), (3, 1), "LeakyReLU", 1, 16, True),)),
}
every_network = pytest.mark.parametrize("make", SMALL.values(), ids=SMALL.keys())


def disturbed(network, seed=0):
    """The network with levels, and no weight left at what it began with."""
    torch.manual_seed(seed)
    network.set_levels(0.05, 0.2)
    with torch.no_grad():
        for weight in network.parameters():
            weight += 0.05 * torch.randn_like(weight)
    return network.eval()


def sound(rows=1):
    return 0.1 * torch.randn(rows, FRAMES, generator=torch.Generator().manual_seed(1))


def torch_made(network, dry, controls=None):
    with torch.no_grad():
        return network(dry, controls)[0].numpy()


@every_network
@pytest.mark.parametrize("knobs", [0, 2])
def test_the_engine_plays_what_torch_made(make, knobs):
    network, dry = disturbed(make(knobs)), sound()
    positions = torch.tensor([[0.3, 0.9]]) if knobs else None
    rows = dry.numpy()
    if knobs:
        rows = np.concatenate([rows, np.repeat(positions.numpy().T, FRAMES, 1)])
    played = compile_network(network.to_network()).play(rows)
    wet = torch_made(network, dry, positions)
    assert np.abs(wet).max() > 1e-3
    assert np.abs(played - wet).max() < 1e-5


@every_network
def test_knobs_that_stand_still_are_knobs_that_do_not_move(make):
    network, dry = disturbed(make(1)), sound()
    still = torch_made(network, dry, torch.tensor([[0.4]]))
    moving = torch_made(network, dry, torch.full((1, 1, FRAMES), 0.4))
    assert np.abs(still - moving).max() < 1e-5
    turned = torch_made(network, dry, torch.tensor([[0.9]]))
    assert np.abs(still - turned).max() > 1e-4


@every_network
def test_no_row_of_a_batch_hears_another(make):
    network, dry = disturbed(make(0)), sound(3)
    together = network(dry).detach().numpy()
    assert np.abs(together[0] - torch_made(network, dry[:1])).max() < 1e-6


@every_network
def test_controls_that_do_not_fit_are_refused(make):
    with pytest.raises(ValueError, match="has 2 controls, 0 were given"):
        make(2)(sound())
    with pytest.raises(ValueError, match="controls of 5 frames for 700"):
        make(1)(sound(), torch.zeros(1, 1, 5))


def test_every_architecture_is_built_the_same_for_a_seed():
    for name in ARCHITECTURES:
        once, twice, other = build(name), build(name), build(name, seed=2)
        pairs = zip(once.parameters(), twice.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
        pairs = zip(once.parameters(), other.parameters(), strict=True)
        assert not all(torch.equal(a, b) for a, b in pairs)
        assert once.weights > 500


def test_an_unknown_architecture_is_refused_with_what_there_is():
    with pytest.raises(NetworkSizeError, match="no architecture is called svm; there are ssm"):
        build("svm")


@pytest.mark.parametrize(
    ("name", "weights", "field"),
    [("a1", 13_802, 4093), ("a1-lite", 6554, 4093), ("a1-feather", 3026, 4093),
     ("a1-nano", 842, 4093), ("a2", 12_146, 6347), ("a2-lite", 1871, 6347)],
)  # fmt: skip
def test_a_wavenet_of_each_shape_of_nam_opens_as_nam(name, weights, field, tmp_path):
    network, dry = disturbed(build(f"wavenet-{name}")), sound()
    model = write_nam(tmp_path / "a.nam", network.to_nam(48_000, {"name": "a"}))
    assert model.name == "a" and network.weights + 1 == weights
    assert model.network.receptive_field == field
    opened = open_model(tmp_path / "a.nam").network
    played = compile_network(opened).play(dry[0].numpy())
    assert np.abs(played - torch_made(network, dry)).max() < 1e-6


def test_a_wavenet_with_knobs_is_no_nam():
    with pytest.raises(NetworkSizeError, match=r"has 1 knobs; players of \.nam"):
        WaveNet("a2", 1, a2(3)).to_nam(48_000)


@pytest.mark.parametrize("unit", ["LSTM", "GRU"])
def test_a_recurrent_network_with_its_skip_held_is_guitarmls(unit, tmp_path):
    network, dry = Recurrent(unit.lower(), 0, hidden=4, unit=unit), sound()
    disturbed(network)
    with pytest.raises(NetworkSizeError, match=r"GuitarML's JSON knows 0 and 1"):
        network.to_guitarml(48_000, "a")
    network.pin_skip(True)
    path = tmp_path / "a.json"
    model = read_guitarml(read_json(path, network.to_guitarml(48_000, "a")), "")
    played = compile_network(model.network).play(dry[0].numpy())
    assert np.abs(played - torch_made(network, dry)).max() < 1e-6


def test_the_scan_is_the_recurrence_and_so_are_its_gradients():
    torch.manual_seed(0)
    channels, states, frames = 3, 2, 3 * CHUNK - 10
    x = torch.randn(channels, 2, frames, dtype=torch.float64, requires_grad=True)
    turns = (torch.rand(channels, states), 3.0 * torch.rand(channels, states))
    log_a = torch.complex(-0.1 * turns[0], turns[1]).to(torch.complex128).requires_grad_()
    c = torch.randn(channels, states, dtype=torch.complex128, requires_grad=True)
    d = torch.randn(channels, dtype=torch.float64, requires_grad=True)
    s, out = torch.zeros(channels, 2, states, dtype=torch.complex128), []
    for t in range(frames):
        s = s * torch.exp(log_a)[:, None] + x[:, :, t, None]
        out.append((s * c[:, None]).sum(-1).real + d[:, None] * x[:, :, t])
    slow, fast = torch.stack(out, -1), scan(x, log_a, c, d)
    assert (fast - slow).abs().max() < 1e-10
    weight = torch.randn_like(slow)
    given = [torch.autograd.grad((y * weight).sum(), (x, log_a, c, d)) for y in (fast, slow)]
    assert all((a - b).abs().max() < 1e-8 for a, b in zip(*given, strict=True))
