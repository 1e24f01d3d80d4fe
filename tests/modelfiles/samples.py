"""Small models of every format with random weights, for tests that need no data."""

from __future__ import annotations

import json

import numpy as np

from engine.boxes.fir import Fir
from engine.modelfiles.model import Knob
from engine.modelfiles.taraf import taraf_bytes
from engine.neural.network import (
    Activate,
    Blend,
    Conv,
    Film,
    Gate,
    Gru,
    Lstm,
    Network,
    Prelu,
    Signal,
    Softmax,
    Ssm,
    Stage,
    Term,
)

RATE = 48_000


def weights(count, seed=0, scale=0.4):
    """Numbers that single precision holds exactly, as a list."""
    rng = np.random.default_rng(seed)
    return (scale * rng.standard_normal(count)).astype(np.float32).tolist()


def nam(architecture, config, count, version="0.7.0", **more):
    values = weights(count) if isinstance(count, int) else count
    document = {"version": version, "architecture": architecture, "config": config}
    return {**document, "weights": values, "sample_rate": RATE, "metadata": {}, **more}


def save(path, document):
    path.write_text(json.dumps(document))
    return path


def layer_array(**more):
    plain = {
        "input_size": 1,
        "condition_size": 1,
        "channels": 4,
        "kernel_size": 3,
        "dilations": [1, 2, 4],
        "activation": "Tanh",
        "head_size": 1,
        "head_bias": True,
    }
    return {**plain, **more}


def wavenet(scale=0.5, seed=0):
    """Two plain arrays of 4 and 2 channels."""
    first = layer_array(head_size=2, head_bias=False)
    second = layer_array(input_size=4, channels=2, dilations=[8, 16])
    count = 4 + 3 * (48 + 4 + 4 + 16 + 4) + 8 + 8 + 2 * (12 + 2 + 2 + 4 + 2) + 3
    values = [*weights(count, seed), scale]
    return nam("WaveNet", {"layers": [first, second], "head": None, "head_scale": scale}, values)


def modulated():
    """One array with everything that can modulate a layer, and a model that conditions it."""
    film = {"active": True, "shift": True, "groups": 1}
    array = layer_array(
        condition_size=2,
        bottleneck=2,
        dilations=[1, 3],
        activation=[{"type": "PReLU", "negative_slopes": [0.1, 0.3]}, "SiLU"],
        gating_mode=["blended", "gated"],
        secondary_activation=["Sigmoid", {"type": "PReLU", "negative_slopes": [0.2, 0.5]}],
        head1x1={"active": True, "out_channels": 4, "groups": 2},
        groups_input=2,
        groups_input_mixin=2,
        conv_pre_film={**film, "groups": 2},
        conv_post_film=film,
        input_mixin_pre_film=film,
        input_mixin_post_film={**film, "shift": False},
        activation_pre_film={**film, "shift": False, "groups": 2},
        activation_post_film=film,
        layer1x1_post_film=film,
        head1x1_post_film=film,
    )
    inner = layer_array(channels=3, kernel_size=2, dilations=[1, 2], head_size=2)
    condition = nam(
        "WaveNet",
        {"layers": [inner], "head_scale": 0.7},
        3 + 2 * (18 + 3 + 3 + 9 + 3) + 8 + 1,
    )
    config = {"layers": [array], "head_scale": 0.5, "condition_dsp": condition}
    head = {"channels": 3, "out_channels": 1, "kernel_sizes": [3, 2], "activation": "Softsign"}
    films = 16 + 24 + 12 + 12 + 8 + 12 + 24 + 24
    layer = 28 + 4 + 12 + 8 + films
    return nam("WaveNet", {**config, "head": head}, 4 + 2 * layer + 5 + 12 + 7 + 1)


def lstm(hidden=5, layers=2):
    count = 4 * hidden * (1 + hidden) + (layers - 1) * 8 * hidden**2 + layers * 6 * hidden
    config = {"input_size": 1, "hidden_size": hidden, "num_layers": layers}
    return nam("LSTM", config, count + hidden + 1)


def convnet(batchnorm=True):
    config = {"channels": 3, "dilations": [1, 4], "batchnorm": batchnorm, "activation": "Tanh"}
    if not batchnorm:
        return nam("ConvNet", config, 6 + 3 + 18 + 3 + 4)
    first, second, head = weights(6), weights(18, 1), weights(4, 2)
    norms = [[*weights(3, k), 1.0, 0.5, 2.0, *weights(6, k + 9), 0.001] for k in (3, 4)]
    return nam("ConvNet", config, [*first, *norms[0], *second, *norms[1], *head])


def linear(length=8, bias=True):
    return nam("Linear", {"receptive_field": length, "bias": bias}, length + bias, "0.5.4")


def container():
    small, large = lstm(3, 1), wavenet()
    models = [{"max_value": 0.5, "model": small}, {"max_value": 1.0, "model": large}]
    return nam("SlimmableContainer", {"submodels": models}, 0)


def parametric(architecture="ConcatLSTM"):
    """A knob from 0 to 10 and a switch of two positions: four channels."""
    params = [
        {"name": "gain", "min": 0.0, "max": 10.0, "default": 4.0, "type": "continuous"},
        {
            "name": "bright",
            "min": 0,
            "max": 1,
            "default": 1,
            "type": "switch",
            "enum_names": ["off", "on"],
        },
    ]
    if architecture == "ConcatLSTM":
        config = {"hidden_size": 4, "num_layers": 1, "params": params}
        return nam(architecture, config, 16 * 8 + 16 + 8 + 5, "1.0.0")
    array = layer_array(input_size=4, condition_size=4, dilations=[1, 2])
    config = {"layers": [array], "head_scale": 0.5, "params": params}
    return nam(architecture, config, 16 + 2 * (48 + 4 + 16 + 16 + 4) + 5 + 1, "1.0.0")


def slimmable():
    """Two gated arrays that may be cut to 1, 2 and 4, and to 1 and 2 channels."""

    def allowed(*channels):
        kwargs = {"allowed_channels": list(channels)}
        return {"method": "slice_channels_uniform", "kwargs": kwargs}

    first = layer_array(head_size=2, head_bias=False, gated=True, slimmable=allowed(1, 2, 4))
    second = layer_array(input_size=4, channels=2, dilations=[8, 16], slimmable=allowed(1, 2))
    count = 4 + 3 * (96 + 8 + 8 + 16 + 4) + 8 + 8 + 2 * (12 + 2 + 2 + 4 + 2) + 3 + 1
    return nam("WaveNet", {"layers": [first, second], "head_scale": 0.5}, count)


def tensor(*shape, seed=0):
    return np.array(weights(int(np.prod(shape)), seed)).reshape(shape).tolist()


def guitarml(unit="LSTM", inputs=2, hidden=4, layers=2, skip=1):
    rows = hidden * (4 if unit == "LSTM" else 3)
    state = {}
    for n in range(layers):
        state[f"rec.weight_ih_l{n}"] = tensor(rows, hidden if n else inputs, seed=n)
        state[f"rec.weight_hh_l{n}"] = tensor(rows, hidden, seed=n + 10)
        state[f"rec.bias_ih_l{n}"] = tensor(rows, seed=n + 20)
        state[f"rec.bias_hh_l{n}"] = tensor(rows, seed=n + 30)
    state |= {"lin.weight": tensor(1, hidden, seed=40), "lin.bias": tensor(1, seed=41)}
    model = {
        "model": "SimpleRNN",
        "input_size": inputs,
        "skip": skip,
        "output_size": 1,
        "unit_type": unit,
        "num_layers": layers,
        "hidden_size": hidden,
        "bias_fl": True,
    }
    return {"model_data": model, "state_dict": state}


def rtneural():
    """Every kind of layer, and AIDA-X's gains."""
    layers = [
        ("dense", {"activation": "elu", "shape": [None, None, 4]}, [(2, 4), (4,)]),
        (
            "conv1d",
            {"kernel_size": [2], "dilation": [3], "groups": 2, "activation": "relu"},
            [(2, 2, 6), (6,)],
        ),
        ("prelu", {}, [(6,)]),
        ("gru", {"activation": "tanh"}, [(6, 9), (3, 9), (2, 9)]),
        ("activation", {"activation": "softmax"}, []),
        ("lstm", {"activation": "tanh"}, [(3, 16), (4, 16), (16,)]),
        ("dense", {"activation": ""}, [(4, 1), (1,)]),
    ]
    made = [
        {
            "type": kind,
            **told,
            "weights": [tensor(*shape, seed=n) for n, shape in enumerate(shapes)],
        }
        for kind, told, shapes in layers
    ]
    norm = [tensor(4), tensor(4, seed=1), tensor(4, seed=2), [0.5, 1.0, 2.0, 0.1]]
    made.insert(1, {"type": "batchnorm", "epsilon": 0.01, "weights": norm})
    gains = {"in_skip": 1, "in_gain": 3.0, "out_gain": -6.0}
    said = {"name": "A box", "samplerate": "48000", "author": "Nobody"}
    return {"in_shape": [None, None, 2], "layers": made, **gains, "metadata": said}


def wavenetva(activation="gated", channels=3):
    wide = channels * (2 if "gated" in activation else 1)
    sizes = {(-1, "W"): channels, (-1, "b"): channels}
    for n in range(2):
        sizes |= {(n, "W_conv"): 2 * channels * wide, (n, "b_conv"): wide}
        sizes |= {(n, "W_out"): channels**2, (n, "b_out"): channels}
    sizes |= {(2, "W"): 2 * channels, (2, "b"): 1}
    variables = [
        {"layer_idx": n, "name": name, "data": [str(v) for v in weights(size, seed)]}
        for seed, ((n, name), size) in enumerate(sizes.items())
    ]
    return {
        "activation": activation,
        "input_channels": 1,
        "output_channels": 1,
        "residual_channels": channels,
        "filter_width": 2,
        "dilations": [1, 3],
        "variables": variables,
        "level_adjust": 2.5,
    }


def taraf():
    """Every operation and every step there is, in a model with a knob."""
    x, rng = Signal(2), np.random.default_rng(11)

    def w(*shape):
        return (rng.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    tanh, sigmoid = Activate("tanh"), Activate("sigmoid")
    y, scale, z, total, g, h, s, m, out = (Signal(n) for n in (4, 4, 4, 4, 4, 3, 3, 1, 1))
    poles = rng.uniform(-0.6, 0.6, (3, 2, 2)).astype(np.float32)
    steps = (Film(scale, None), Activate("leaky_hardtanh", (-1.0, 1.0, 0.1, 0.2)), Prelu(w(4)))
    ops = [
        Conv(scale, (Term(x, w(4, 2, 1)),)),
        Conv(y, (Term(x, w(4, 2, 3), 2),), w(4), (), steps, total),
        Conv(z, (Term(y, w(8, 2, 3), 5, 2),), w(8), (), (Gate(tanh, sigmoid),), total),
        Conv(g, (Term(z, w(8, 4, 1)),), None, (), (Blend(tanh, sigmoid), Film(scale, y))),
        Lstm(total, h, w(12, 4), w(12, 3), w(12), w(3), w(3)),
        Gru(h, v := Signal(3), w(9, 3), w(9, 3), w(9), w(9), w(3)),
        Ssm(v, s, poles, w(3, 2, 2), w(3)),
        Softmax(s, t := Signal(3)),
        Conv(m, (Term(t, w(1, 3, 1)), Term(g, w(1, 4, 1)), Term(h, w(1, 3, 1)))),
        Stage((m,), out, Fir(w(20))),
    ]
    knobs = [Knob("drive_db", 0.0, 24.0, 12.0, -1.0, 1.0)]
    tags = {"author": "a tester", "gear": "pedal"}
    return json.loads(taraf_bytes(Network(x, out, ops), RATE, "everything", knobs, tags))


EVERY_KIND = {
    "wavenet": wavenet,
    "modulated": modulated,
    "lstm": lstm,
    "convnet": convnet,
    "linear": linear,
    "container": container,
    "parametric": parametric,
    "slimmable": slimmable,
    "guitarml": guitarml,
    "rtneural": rtneural,
    "wavenetva": wavenetva,
    "taraf": taraf,
}
