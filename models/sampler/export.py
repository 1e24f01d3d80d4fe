"""From a network that learnt to the model that plays, without torch."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from engine.sampler.model import Head, Layer, SamplerModel
from models.sampler.job import Job
from models.sampler.material import Material, Scale
from models.sampler.network import SamplerNetwork

Array = NDArray[np.float32]


def exported(
    network: SamplerNetwork, job: Job, scale: Scale, spread: NDArray[Any] | None = None,
    pitches: list[float] | None = None,
) -> SamplerModel:  # fmt: skip
    """The model. ``spread`` is what its predictions missed, standardised, for temperature 1.

    ``pitches`` (12,) are the recording's pitch classes, for answers in a player's key.

    The job's temperature is put in: at a temperature of 1 it plays as the job says.
    """
    layers = tuple(
        Layer(
            _array(layer.weight_ih_l0), _array(layer.weight_hh_l0),
            _array(layer.bias_ih_l0 + layer.bias_hh_l0),
        )
        for layer in network.layers
    )  # fmt: skip
    kernel, bias = _array(network.head.weight), _array(network.head.bias)
    if network.components is not None:
        into, made = _array(network.components.heard), _array(network.components.made)
        first = np.ascontiguousarray(layers[0].kernel @ into.T)
        layers = (dataclasses.replace(layers[0], kernel=first), *layers[1:])
        kernel, bias = np.ascontiguousarray(made.T @ kernel), bias @ made
    learns = job.loss == "spread" and job.temperature > 0.0
    if job.loss == "spread" and not learns:
        kernel, bias = kernel[: job.made].copy(), bias[: job.made].copy()
    taps = np.zeros(0, np.float32) if network.taps is None else _array(network.taps)
    if learns:
        through = float(taps.sum()) if len(taps) else 1.0
        bias[job.made :] += math.log(job.temperature) / (through or 1.0)
    noise = np.zeros(0, np.float32)
    if spread is not None and job.loss != "spread" and job.temperature > 0.0:
        noise = np.asarray(job.temperature * spread, np.float32)
    told = {} if pitches is None else {"pitches": pitches}
    mean, width = _array(scale.mean), _array(scale.scale)
    kept = network.kept
    return SamplerModel(
        approach=job.approach, rate=job.rate, job=job.as_json() | told, layers=layers,
        head=Head(kernel, bias), residual=job.use_residual, squash=job.squash,
        input_dropout=kept[0], output_dropout=kept[1], input_mean=mean, input_scale=width,
        output_mean=mean.copy(), output_scale=width.copy(), log=job.log,
        taps=taps, taps_bias=0.0 if network.taps is None else float(network.mixed_bias.detach()),
        spread=noise, learns_spread=learns,
    )  # fmt: skip


def missed(network: SamplerNetwork, material: Material, seed: int) -> Array:
    """The deviation (made,) of what the network's next step misses in its own recording."""
    import torch

    if network.taps is not None:  # what the mixture of all rows missed, over a stretch of them
        return np.full(1, _mixed(network, material), np.float32)
    other = material.apart(8)
    with torch.no_grad():
        piece = other.read(np.random.default_rng((seed, 11)), min(64, material.steps))
        made, _ = network(piece.heard, network.zero_state(8))
        error = (network.squashed(made) - piece.wanted).square().mean((0, 1)).sqrt()
    return _array(error)


def _mixed(network: SamplerNetwork, material: Material) -> float:
    import torch

    steps = min(material.steps, network.history + 2048)
    other = material.apart(1)
    with torch.no_grad():
        piece = other.read(np.random.default_rng(11), steps)
        said, _ = network(piece.heard, network.zero_state(1))
        made = network.mix(said, said.new_zeros(1, network.history, said.shape[2]))
        error = (network.squashed(made) - piece.wanted)[:, min(network.history, steps - 1) :]
        return float(error.square().mean().sqrt())


def _array(tensor: Tensor) -> Array:
    return np.array(tensor.detach().cpu().numpy(), np.float32)


__all__ = ["exported", "missed"]
