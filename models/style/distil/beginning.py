"""A beginning for the network: the gains of its bands, learnt frame by frame in seconds.

In pairs each band's wet level over its dry one is known for every frame of 256 samples, and the
hidden layers look back by whole such frames. So gains are learnt from levels alone, no sound made,
and the training on sound begins where a tenth of the way to the style is left instead of half.
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.style.distil.network import LOOKS, Restyler
from models.style.distil.pairs import Pairs

FRAME = LOOKS[0]
FLOOR = 3e-4
"""Of levels, before their logarithm: 50 dB under LEVEL."""
ROWS, RATE, LAST = 8, 3e-3, 0.02
LEVELS_DB = 15.0, 6.0  # softer and louder


def begin(network: Restyler, pairs: Pairs, seed: int, steps: int) -> float:
    """Set the gains' weights; the mean distance of log levels that is left."""
    dry, wet = _levels(network, pairs.dry), _levels(network, pairs.wet)
    heard = _heard(network, pairs.dry)
    parts = [network.first, *network.looks, network.gains]
    parameters = [parameter for part in parts for parameter in part.parameters()]
    optimiser = torch.optim.Adam(parameters, RATE)
    fall = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, LAST, max(steps, 1))
    chance, found = torch.Generator().manual_seed(seed), torch.zeros(())
    for _ in range(steps):
        rows = torch.randint(len(dry), (min(ROWS, len(dry)),), generator=chance)
        drop, lift = LEVELS_DB
        gain = 10.0 ** ((torch.rand(len(rows), 1, 1, generator=chance) * (drop + lift) - drop) / 20)
        made = network.gains_of(heard[rows] * gain, FRAME) * network.scale() * dry[rows]
        found = (torch.log(made + FLOOR) - torch.log(wet[rows] + FLOOR)).abs().mean()
        optimiser.zero_grad()
        found.backward()
        optimiser.step()
        fall.step()
    return float(found.detach())


def _levels(network: Restyler, sounds: object) -> Tensor:
    """RMS of the bands (pieces, bands, frames)."""
    made = []
    with torch.no_grad():
        for sound in torch.as_tensor(sounds):
            bands = network.bands_of(sound[None])[0]
            whole = bands[:, : bands.shape[1] // FRAME * FRAME]
            made.append(whole.unflatten(1, (-1, FRAME)).square().mean(2).sqrt())
    return torch.stack(made)


def _heard(network: Restyler, sounds: object) -> Tensor:
    """The smoothed bands at the end of each frame, before they are bent."""
    with torch.no_grad():
        parts = [network.smoothed(network.bands_of(s[None]))[0] for s in torch.as_tensor(sounds)]
    return torch.stack([part[:, FRAME - 1 :: FRAME] for part in parts])


__all__ = ["begin"]
