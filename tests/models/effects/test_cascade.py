"""A network and a response behind it: one sound in torch, in parts, and on the audio thread."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from engine.neural.compiled import compile_network
from models.effects.networks.cascade import Cascade
from models.effects.networks.recurrent import Recurrent
from models.effects.networks.ssm import SsmNetwork

RATE, TAPS = 48_000, 300


def response(seed=2):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(TAPS) * np.exp(-np.arange(TAPS) / 60.0)


def cascade(kind, controls=0):
    torch.manual_seed(3)
    if kind == "ssm":
        core = SsmNetwork("ssm", controls, blocks=1, channels=4, states=2)
    else:
        core = Recurrent(kind.lower(), controls, hidden=4, unit=kind)
    made = Cascade(core, response(), RATE).eval()
    made.set_levels(0.1, 0.3)
    return made


def sound(frames=2000):
    return (0.2 * np.random.default_rng(1).standard_normal(frames)).astype(np.float32)


@pytest.mark.parametrize(("kind", "controls"), [("LSTM", 0), ("GRU", 1), ("ssm", 0)])
def test_the_audio_thread_plays_what_torch_does(kind, controls):
    network, dry = cascade(kind, controls), sound()
    knobs = torch.full((1, controls), 0.3) if controls else None
    with torch.no_grad():
        wanted = network(torch.from_numpy(dry)[None], knobs)[0].numpy()
    rows = np.stack([dry, *[np.full(len(dry), 0.3, np.float32)] * controls])
    made = compile_network(network.to_network()).play(rows)
    assert np.abs(made - wanted).max() < 1e-5 * max(1.0, np.abs(wanted).max())


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_parts_that_follow_on_each_other_are_the_whole(kind):
    network, dry = cascade(kind), torch.from_numpy(np.stack([sound(), 0.5 * sound()]))
    state, parts = None, []
    with torch.no_grad():
        for first, last in ((0, 7), (7, 500), (500, 1100), (1100, 2000)):
            part, state = network.run(dry[:, first:last], None, state)
            parts.append(part)
        torch.testing.assert_close(torch.cat(parts, 1), network(dry), atol=2e-6, rtol=1e-4)


def test_the_response_begins_as_the_one_that_is_given_at_unit_energy():
    network = cascade("LSTM")
    given = response()
    np.testing.assert_allclose(
        network.taps.detach().numpy(), given / np.linalg.norm(given), atol=1e-6
    )
    assert network.name == f"lstm+fir{TAPS}"


def test_core_and_response_learn_together():
    network, dry = cascade("LSTM"), torch.from_numpy(sound())[None]
    network(dry).square().mean().backward()
    for weight in (network.taps, network.core.core.weight_hh_l0):
        assert float(weight.grad.abs().max()) > 0.0
