"""One layer of a WaveNet as operations: two where it is plain, more where it is modulated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.modelfiles.nam.plan import LayerPlan
from engine.modelfiles.parts import IDENTITY, Kernel, put
from engine.neural.limits import MULTIPLY_ADDS
from engine.neural.network import (
    Activate,
    Array,
    Blend,
    Conv,
    Film,
    Gate,
    NetworkError,
    Op,
    Prelu,
    Signal,
    Step,
    Term,
)

Kernels = Mapping[str, Kernel]


def emit_layer(
    plan: LayerPlan, kernels: Kernels, widths: Mapping[str, int],
    y: Signal, condition: Signal, head: Signal, ops: list[Op],
) -> Signal:  # fmt: skip
    """Append one layer that reads ``y`` and adds to ``head``; return the next ``y``.

    ``kernels`` are its convolutions by the names of ``ArrayPlan.shapes``, ``widths`` the
    channels that each FiLM modulates.
    """
    films = {
        name: (_film(kernels[name], width, condition, ops),)
        for name, width in widths.items()
        if name in kernels
    }
    bent = _bend(plan, films, _mixed(kernels, films, y, condition, ops), ops)
    if "head1x1" in kernels:
        kernel = kernels["head1x1"]
        a = put(ops, bent)
        steps = films.get("head1x1_post_film", ())
        ops.append(Conv(None, (kernel.term(a),), kernel.bias, steps=steps, total=head))
    else:
        bent.total = head
        a = put(ops, bent)
    if "layer1x1" not in kernels:
        return y
    kernel = kernels["layer1x1"]
    if "layer1x1_post_film" not in films:
        return put(ops, Conv(None, (kernel.term(a),), kernel.bias, adds=(y,)))
    return put(ops, Conv(None, adds=(kernel.onto(a, ops, films["layer1x1_post_film"]), y)))


def _film(kernel: Kernel, width: int, condition: Signal, ops: list[Op]) -> Film:
    """Append what computes a scale and perhaps a shift from the condition."""
    dense, bias = kernel.dense(), kernel.bias
    assert bias is not None
    parts = [
        Kernel(dense[at : at + width], bias[at : at + width]).onto(condition, ops)
        for at in range(0, len(dense), width)
    ]
    return Film(parts[0], parts[1] if len(parts) > 1 else None)


def _mixed(
    kernels: Kernels, films: Mapping[str, tuple[Step, ...]],
    y: Signal, condition: Signal, ops: list[Op],
) -> Conv:  # fmt: skip
    """Return the sum of the dilated convolution and the mixed-in condition, not yet put.

    It is one operation, unless a FiLM stands behind either part before they meet.
    """
    conv, mixin = kernels["conv"], kernels["mixin"]
    if "conv_pre_film" in films:
        y = put(ops, Conv(None, adds=(y,), steps=films["conv_pre_film"]))
    if "input_mixin_pre_film" in films:
        condition = put(ops, Conv(None, adds=(condition,), steps=films["input_mixin_pre_film"]))
    sum_of = Conv(None, bias=conv.bias)
    if "conv_post_film" in films:
        sum_of.adds = (conv.onto(y, ops, films["conv_post_film"]),)
        sum_of.bias = None
    else:
        sum_of.terms = (conv.term(y),)
    if "input_mixin_post_film" in films:
        sum_of.adds += (mixin.onto(condition, ops, films["input_mixin_post_film"]),)
    else:
        sum_of.terms += (mixin.term(condition),)
    sum_of.steps = films.get("activation_pre_film", ())
    return sum_of


def _bend(
    plan: LayerPlan, films: Mapping[str, tuple[Step, ...]], mixed: Conv, ops: list[Op]
) -> Conv:
    """Return the operation with the activation behind it."""
    if plan.gating == "blended" and isinstance(plan.curve, Prelu):
        mixed = _blend_prelu(plan.curve.slopes, plan.gate, put(ops, mixed), ops)
    elif plan.gating == "none":
        mixed.steps += (plan.curve,)
    else:
        mixed.steps += _gate(plan)
    mixed.steps += films.get("activation_post_film", ())
    return mixed


def _gate(plan: LayerPlan) -> tuple[Step, ...]:
    """Return a gate or blend; a slope for each channel goes in front, 1 for the other half."""
    kind = Gate if plan.gating == "gated" else Blend
    front: tuple[Step, ...] = ()
    curve, gate = plan.curve, plan.gate
    if isinstance(curve, Prelu):
        front += (Prelu(np.concatenate([curve.slopes, np.ones_like(curve.slopes)])),)
    if isinstance(gate, Prelu):
        front += (Prelu(np.concatenate([np.ones_like(gate.slopes), gate.slopes])),)
    plain = (IDENTITY if isinstance(c, Prelu) else c for c in (curve, gate))
    return (*front, kind(*plain))


def _blend_prelu(slopes: Array, gate: Activate | Prelu, z: Signal, ops: list[Op]) -> Conv:
    """Blend with a slope for each channel: x + (1 - slope) gate(second) relu(-x)."""
    half = len(slopes)
    if 2 * half * half > MULTIPLY_ADDS:
        raise NetworkError(f"{half} channels with slopes of their own are too many to blend")
    signs = np.repeat(np.array([-1, 1], np.float32), half)
    steps: tuple[Step, ...] = ()
    if isinstance(gate, Prelu):
        steps += (Prelu(np.concatenate([np.ones(half, np.float32), gate.slopes])),)
        gate = IDENTITY
    flipped = Term(z, signs.reshape(-1, 1, 1), groups=2 * half)
    folded = put(ops, Conv(None, (flipped,), steps=(*steps, Gate(Activate("relu"), gate))))
    first = np.eye(half, 2 * half, dtype=np.float32)[:, :, None]
    weights = (1 - slopes).astype(np.float32).reshape(-1, 1, 1)
    return Conv(None, (Term(z, first), Term(folded, weights, groups=half)))
