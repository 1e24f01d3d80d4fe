"""WaveNets of ``.nam``, against the description of the format written again."""

import numpy as np
import pytest
from modelfiles import samples
from modelfiles.interpreter import render
from modelfiles.reference import play

from engine.neural.network import Conv, Film

SOUND = 0.4 * np.random.default_rng(7).standard_normal(300)
ROUNDED = {"rtol": 0, "atol": 1e-6}  # weights are folded, then rounded to single precision


def changed(document, **more):
    """The document with other keys in its first layer array."""
    array = {**document["config"]["layers"][0], **more}
    array = {key: value for key, value in array.items() if value is not None}
    return {**document, "config": {**document["config"], "layers": [array]}}


@pytest.mark.parametrize("kind", ["wavenet", "modulated", "slimmable"])
def test_a_wavenet_is_what_its_description_says(opened, kind):
    document = samples.EVERY_KIND[kind]()
    made = render(opened(document).network, SOUND)
    assert made.std() > 1e-3
    np.testing.assert_allclose(made, play(document, SOUND[None])[0], **ROUNDED)


@pytest.mark.parametrize("seed", range(60))
def test_any_wavenet_is_what_its_description_says(opened, refused, seed):
    document = random_wavenet(np.random.default_rng(seed))
    count = int(refused(document).rsplit("needs ")[-1])
    document["weights"] = samples.weights(count, seed)
    made = render(opened(document).network, SOUND)
    np.testing.assert_allclose(made, play(document, SOUND[None])[0], rtol=1e-5, atol=1e-5)


def random_wavenet(rng):
    """A WaveNet with some of everything; it has no weights yet."""

    def some(*values):
        return values[rng.integers(len(values))]

    def curve(channels):
        slopes = {"type": "PReLU", "negative_slopes": samples.weights(channels, 3)}
        bounds = {"type": "LeakyHardtanh", "min_val": -0.5, "max_val": 0.8, "max_slope": 0.1}
        plain = {"type": "LeakyReLU", "negative_slope": 0.2}
        names = "Tanh", "Sigmoid", "ReLU", "SiLU", "Softsign", "Hardswish", "Hardtanh"
        return some(*names, slopes, bounds, plain)

    def films(count):
        film = {"shift": some(True, False), "groups": some(1, 2)}
        places = ("conv_pre", "conv_post", "input_mixin_pre", "input_mixin_post")
        places += ("activation_pre", "activation_post")
        return {f"{place}_film": film for place in places if rng.random() < 0.3} if count else {}

    inner = some(None, samples.layer_array(head_size=2, channels=3, kernel_size=2))
    condition = samples.nam("WaveNet", {"layers": [inner], "head_scale": 1.0}, 3 + 3 * 36 + 9)
    into, arrays, width, collected = (2 if inner else 1), [], 1, None
    for number in range(last := some(1, 2), 0, -1):
        narrow = collected or some(2, 4)
        channels, count = some(2, 4), some(1, 3)
        single = some(True, False) and channels == narrow
        out = 1 if number == 1 else some(2, 4)
        array = samples.layer_array(
            input_size=width,
            condition_size=into,
            channels=channels,
            bottleneck=narrow,
            dilations=[1, 5, 2][:count],
            kernel_size=None,
            kernel_sizes=[some(1, 2, 4) for _ in range(count)],
            activation=[curve(narrow) for _ in range(count)],
            gating_mode=[some("none", "gated", "blended") for _ in range(count)],
            secondary_activation=[curve(narrow) for _ in range(count)],
            layer1x1={"active": not single, "groups": some(1, 2)},
            groups_input=some(1, 2),
            groups_input_mixin=some(1, into),
            head={"out_channels": out, "kernel_size": some(1, 3), "bias": some(True, False)},
            **films(into == 2),
        )
        array["head"]["head_dilation"] = some(1, 2)
        del array["kernel_size"], array["head_size"], array["head_bias"]
        arrays.append(array)
        width, collected = channels, out
    config = {"layers": arrays, "head_scale": 0.1, "arrays": last}
    if inner:
        config["condition_dsp"] = condition
    return samples.nam("WaveNet", config, 0)


def test_the_random_models_have_everything():
    told = str([random_wavenet(np.random.default_rng(seed)) for seed in range(60)])
    words = ["blended", "gated", "none", "PReLU", "conv_pre_film", "activation_post_film"]
    assert all(word in told for word in [*words, "'active': False", "condition_dsp", "'arrays': 2"])


def test_a_plain_layer_is_two_operations(opened):
    ops = opened(samples.wavenet()).network.ops
    # Per array a rechannel and a head; the last layer's way on is dead.
    assert len(ops) == (1 + 2 * 3 + 1) + (1 + 2 * 2 + 1) - 1
    layer, onward = ops[1], ops[2]
    assert [len(layer.terms), len(layer.adds), len(layer.steps)] == [2, 0, 1]
    assert layer.total is not None and layer.target is onward.terms[0].signal
    assert len(onward.terms) == len(onward.adds) == 1
    assert ops[-2].target is None and ops[-2].total is ops[-1].terms[0].signal


def test_a_gated_layer_with_groups_is_two_operations_too(opened):
    document = changed(samples.slimmable(), groups_input=2, slimmable=None, head_size=1)
    document["weights"] = samples.weights(4 + 3 * (48 + 8 + 8 + 16 + 4) + 4 + 1)
    ops = opened(document).network.ops
    assert len(ops) == 1 + 2 * 3
    assert [term.groups for term in ops[1].terms] == [2, 1]


def test_film_after_layer1x1_is_heard_as_trained_unless_core_compatible(opened):
    film = {"layer1x1_post_film": {"active": True, "shift": True, "groups": 1}}
    document = changed(samples.wavenet(), head_size=1, **film)
    document["weights"] = samples.weights(4 + 3 * (48 + 4 + 4 + 16 + 4 + 16) + 4 + 1)
    trained, core = opened(document), opened(document, core_compatible=True)
    assert any(isinstance(s, Film) for op in trained.network.ops for s in op.steps)
    assert not any(isinstance(s, Film) for op in core.network.ops for s in op.steps)
    made = render(trained.network, SOUND)
    np.testing.assert_allclose(made, play(document, SOUND[None])[0], **ROUNDED)
    assert np.abs(made - render(core.network, SOUND)).max() > 1e-2


def test_the_limits_of_a_hardtanh_are_kept_unless_core_compatible(opened):
    limits = {"type": "Hardtanh", "min_val": -0.1, "max_val": 0.1}
    document = changed(samples.wavenet(), head_size=1, activation=limits)
    document["weights"] = samples.weights(4 + 3 * 76 + 4 + 1)
    made = render(opened(document).network, SOUND)
    np.testing.assert_allclose(made, play(document, SOUND[None])[0], **ROUNDED)
    core = changed(document, activation="Hardtanh")
    np.testing.assert_array_equal(
        render(opened(document, core_compatible=True).network, SOUND),
        render(opened(core).network, SOUND),
    )


def test_a_model_of_any_kind_may_condition(opened):
    inner = samples.lstm(3, 1)
    document = changed(samples.wavenet(), head_size=1)
    document["config"]["condition_dsp"] = inner
    document["weights"] = samples.weights(4 + 3 * 76 + 4 + 1)
    network = opened(document).network
    assert network.is_recurrent
    condition = render(opened(inner).network, SOUND)[None]
    wanted = play(document, SOUND[None], condition)[0]
    np.testing.assert_allclose(render(network, SOUND), wanted, **ROUNDED)


def sliced(document, channels):
    """The document with only the first channels, cut by hand weight by weight."""
    config, left, kept = document["config"], list(document["weights"]), []
    arrays = config["layers"]

    def cut(shape, keep):
        whole = np.array([left.pop(0) for _ in range(int(np.prod(shape)))]).reshape(shape)
        kept.extend(whole[tuple(slice(k) for k in keep)].ravel().tolist())

    new = []
    for n, array in enumerate(arrays):
        full, few, last = array["channels"], channels[n], n + 1 == len(arrays)
        into, keep_in = (1, 1) if n == 0 else (arrays[n - 1]["channels"], channels[n - 1])
        out, keep_out = (1, 1) if last else (array["head_size"], channels[n + 1])
        wide = 2 if array.get("gated") else 1
        cut((full, into), (few, keep_in))
        for _ in array["dilations"]:
            cut((wide * full, full, 3), (wide * few, few, 3))
            cut((wide * full,), (wide * few,))
            cut((wide * full, 1), (wide * few, 1))
            cut((full, full), (few, few))
            cut((full,), (few,))
        cut((out, full), (keep_out, few))
        if array["head_bias"]:
            cut((out,), (keep_out,))
        narrow = {**array, "channels": few, "input_size": keep_in, "head_size": keep_out}
        del narrow["slimmable"]
        new.append(narrow)
    return {**document, "config": {**config, "layers": new}, "weights": [*kept, *left]}


def test_a_slimmable_model_is_the_one_with_only_its_first_channels(opened):
    document = samples.slimmable()
    sizes = opened(document).sizes
    assert [round(size.up_to, 3) for size in sizes] == [0.333, 0.5, 0.667, 1.0]
    for size, channels in zip(sizes, [(1, 1), (2, 1), (2, 2), (4, 2)], strict=True):
        made = render(size.network, SOUND)
        wanted = play(sliced(document, channels), SOUND[None])[0]
        np.testing.assert_allclose(made, wanted, **ROUNDED)
        assert size.network.check() is None


@pytest.mark.parametrize(
    "more",
    [
        {"groups_input": 2},
        {"head": {"out_channels": 1, "kernel_size": 2}},
        {"head1x1": {"active": True, "out_channels": 2}},
    ],
)
def test_one_that_cannot_be_cut_is_played_whole_with_a_warning(opened, refused, more):
    document = changed(samples.slimmable(), head_size=1, **more)
    document["weights"] = samples.weights(int(refused(document).rsplit("needs ")[-1]))
    model = opened(document)
    assert len(model.sizes) == 1 and "full width" in model.warnings[0]


WRONG = {
    "channels": (0, "channels = 0 is outside 1 to 4096"),
    "condition_size": (2, "condition_size = 2, the condition has 1 channels"),
    "input_size": (3, "input_size = 3, what goes in has 1 channels"),
    "groups_input": (3, "conv: 3 groups do not divide 4 channels in and 4 out"),
    "dilations": ([1, 0], r"dilations[1] = 0 is outside 1 to 1048576"),
    "kernel_size": (True, "kernel_size = True is not a whole number"),
    "activation": ("Sine", "activation = 'Sine' is not an activation"),
    "gating_mode": ("odd", "gating_mode = 'odd' is none of none, gated, blended"),
    "bottleneck": (2, "this architecture needs"),
    "kernel_sizes": ([3], "kernel_sizes has 1 items, dilations has 3"),
}


@pytest.mark.parametrize("key", WRONG)
def test_what_is_wrong_is_told_with_its_place(refused, key):
    value, complaint = WRONG[key]
    line = refused(changed(samples.wavenet(), head_size=1, **{key: value}))
    assert complaint in line
    assert complaint.endswith("needs") or "config.layers[0]." in line


def test_without_dead_work_nothing_is_computed_in_vain(opened):
    network = opened(samples.modulated()).network
    heard = {network.output}
    for op in reversed(network.ops):
        made = {op.target} | ({op.total} if isinstance(op, Conv) else set())
        assert made & heard
        heard |= {t.signal for t in op.terms} | set(op.adds)
        heard |= {s for f in op.steps if isinstance(f, Film) for s in (f.scale, f.shift)}
