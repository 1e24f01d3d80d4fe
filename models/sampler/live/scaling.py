"""Another standardisation of what a network hears and says, with its weights changed to match.

What a performer plays first is not what he plays: loud and high notes come later. The scale of a
recording that has grown is put in without changing what the network does.
"""

from __future__ import annotations

import torch

from models.sampler.material import Scale
from models.sampler.network import SamplerNetwork


def change_scale(network: SamplerNetwork, old: Scale, new: Scale) -> bool:
    """Let ``network`` hear and say by ``new`` what it heard and said by ``old``.

    False, and nothing changed, where no weights do that: behind a tanh, with taps, in a basis of
    its own, or where what is heard is added to what a layer says.
    """
    first = network.layers[0]
    added = network.residual and first.input_size == first.hidden_size
    other = network.taps is not None or network.components is not None
    if network.squash != "none" or added or other:
        return False
    with torch.no_grad():
        wider = (new.scale / old.scale).to(first.weight_ih_l0)
        moved = ((new.mean - old.mean) / old.scale).to(wider)
        first.bias_ih_l0 += first.weight_ih_l0 @ moved.expand(first.input_size)
        first.weight_ih_l0 *= wider
        back, made = 1.0 / wider, network.made
        head = network.head
        head.weight[:made] *= back.expand(made)[:, None]
        head.bias[:made] *= back
        head.bias[:made] += ((old.mean - new.mean) / new.scale).to(wider)
        if network.means == 2:  # it tells the logarithm of a deviation, too
            head.bias[made:] += torch.log(back)
    return True


__all__ = ["change_scale"]
