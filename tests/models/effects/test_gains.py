"""Knobs as gains around a network: one sound in torch, in parts, and on the audio thread."""

import numpy as np
import pytest

pytest.importorskip("torch")
import torch

from engine.neural.compiled import compile_network
from models.effects.networks.gains import Gains
from models.effects.networks.recurrent import Recurrent


def gains(controls=2):
    torch.manual_seed(3)
    made = Gains(Recurrent("lstm", 0, hidden=4), controls, [1.5, -0.7][:controls]).eval()
    with torch.no_grad():
        made.before.copy_(torch.tensor([2.0, 0.4][:controls]))
    made.set_levels(0.1, 0.3)
    return made


def sound(frames=1500):
    return (0.2 * np.random.default_rng(1).standard_normal(frames)).astype(np.float32)


@pytest.mark.parametrize("knobs", [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)])
def test_the_audio_thread_plays_what_torch_does(knobs):
    network, dry = gains(), sound()
    with torch.no_grad():
        wanted = network(torch.from_numpy(dry)[None], torch.tensor([knobs]))[0].numpy()
    rows = np.stack([dry, *[np.full(len(dry), knob, np.float32) for knob in knobs]])
    made = compile_network(network.to_network()).play(rows)
    assert np.abs(made - wanted).max() < 1e-5 * max(1.0, np.abs(wanted).max())


def test_parts_that_follow_on_each_other_are_the_whole():
    network, dry = gains(1), torch.from_numpy(sound())[None]
    knobs, state, parts = torch.tensor([[0.8]]), None, []
    with torch.no_grad():
        for first, last in ((0, 7), (7, 500), (500, 1500)):
            part, state = network.run(dry[:, first:last], knobs, state)
            parts.append(part)
        torch.testing.assert_close(torch.cat(parts, 1), network(dry, knobs), atol=2e-6, rtol=1e-4)


def test_the_middle_of_a_knob_is_the_geometric_mean_of_its_ends():
    network, dry = gains(1), torch.from_numpy(sound())[None]
    with torch.no_grad():
        network.before.zero_()
        low, middle, high = (network(dry, torch.tensor([[at]])) for at in (0.0, 0.5, 1.0))
    torch.testing.assert_close(middle.square(), low * high, atol=1e-7, rtol=1e-4)
