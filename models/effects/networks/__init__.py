"""Networks that learn an effect: by name, each with its way to the audio thread.

network = build("ssm", controls=1)
wet = network(dry, knobs)          # torch, (batch, frames)
network.to_network()               # what engine.neural.compiled plays
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from models.effects.networks.base import EffectNetwork, NetworkSizeError
from models.effects.networks.recurrent import Recurrent
from models.effects.networks.ssm import SsmNetwork
from models.effects.networks.tcn import Tcn
from models.effects.networks.wavenet import SHAPES, WaveNet

__all__ = ["ARCHITECTURES", "EffectNetwork", "NetworkSizeError", "build"]

Builder = Callable[[str, int], EffectNetwork]

ARCHITECTURES: dict[str, Builder] = {
    "ssm-small": partial(SsmNetwork, blocks=3, channels=8, states=4),
    "ssm": partial(SsmNetwork, blocks=4, channels=16, states=4),
    "ssm-large": partial(SsmNetwork, blocks=4, channels=32, states=8),
    "lstm-small": partial(Recurrent, hidden=12),
    "lstm": partial(Recurrent, hidden=16),
    "lstm-large": partial(Recurrent, hidden=40),
    "gru": partial(Recurrent, hidden=16, unit="GRU"),
    "gru-large": partial(Recurrent, hidden=40, unit="GRU"),
    "tcn-small": partial(Tcn, channels=8, taps=9, layers=4, growth=6),
    "tcn": partial(Tcn, channels=16, taps=9, layers=5, growth=6),
    "tcn-large": partial(Tcn, channels=32, taps=13, layers=5, growth=7),
    **{name: partial(WaveNet, stacks=stacks) for name, stacks in SHAPES.items()},
}
"""Every architecture by name: from that name and how many controls go in beside the sound."""


def build(architecture: str, controls: int = 0, seed: int = 1) -> EffectNetwork:
    """Return a network that has learnt nothing, the same for a seed; NetworkSizeError if unknown.

    ``controls`` counts knobs and moving rows such as an LFO.
    """
    if architecture not in ARCHITECTURES:
        names = ", ".join(ARCHITECTURES)
        raise NetworkSizeError(f"no architecture is called {architecture}; there are {names}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ARCHITECTURES[architecture](architecture, controls)
