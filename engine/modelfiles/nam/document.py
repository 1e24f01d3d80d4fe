"""A ``.nam`` document: which architecture it has, in which sizes, with which knobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.modelfiles.model import Knob, ModelFile, Size
from engine.modelfiles.nam.metadata import (
    KNOWN,
    levels,
    metadata_of,
    sample_rate,
    tags,
    usable_rate,
    version_warnings,
)
from engine.modelfiles.nam.other import read_convnet, read_linear, read_lstm
from engine.modelfiles.nam.parametric import VERSION, read_parametric
from engine.modelfiles.nam.wavenet import WaveNet, read_wavenet
from engine.modelfiles.parts import Body, network_of
from engine.modelfiles.reading import Node, show

DEPTH = 4  # models within models
SUBMODELS = (1, 32)
CONTAINER = "SlimmableContainer"
PARAMETRIC = ("ConcatWaveNet", "ConcatLSTM")
REFUSED = {
    "HyperWaveNet": "a second network makes its weights from the knobs, which we do not run",
    "CatWaveNet": "it is of an abandoned format of NAM's trainer",
    "CatLSTM": "it is of an abandoned format of NAM's trainer",
}


@dataclass(frozen=True)
class Rules:
    """What to do where players and trainers disagree."""

    core_compatible: bool = False
    reverse_linear: bool = False


@dataclass(frozen=True)
class Played:
    """A model made ready: its bodies of rising quality, and what moves them."""

    bodies: list[tuple[float, Body]]
    knobs: tuple[Knob, ...] = ()
    inner: Node | None = None  # the best model in a container


def read_nam(
    model: Node, sha256: str, core_compatible: bool = False, reverse_linear: bool = False,
    kind: str = "nam",
) -> ModelFile:  # fmt: skip
    """Return the model of a ``.nam`` document; ModelFileError if it cannot be played.

    Where NAM's trainer and NeuralAmpModelerCore differ, the trainer is followed, unless
    ``core_compatible``. ``reverse_linear`` is explained at ``read_linear``.
    """
    parametric = model.values.get("architecture") in PARAMETRIC
    warnings = version_warnings(model, (VERSION, *KNOWN) if parametric else KNOWN)
    played = _played(model, Rules(core_compatible, reverse_linear), warnings)
    inputs = 1 + len(played.knobs)
    sizes = [Size(up_to, network_of(model.path, body, inputs)) for up_to, body in played.bodies]
    title = played.bodies[-1][1].title
    said = {**(metadata_of(played.inner) if played.inner else {}), **metadata_of(model)}
    words = tags(said)
    return ModelFile(
        path=model.path,
        format=kind,
        name=words.get("name", model.path.stem),
        architecture=title if len(sizes) == 1 else f"{title}, {len(sizes)} sizes",
        sample_rate=sample_rate(model, played.inner, warnings),
        sizes=tuple(sizes),
        sha256=sha256,
        knobs=played.knobs,
        tags=words,
        warnings=tuple(warnings),
        **levels(said),
    )


def _played(model: Node, rules: Rules, warnings: list[str]) -> Played:
    architecture = model.text("architecture")
    if architecture in PARAMETRIC:
        body, knobs = read_parametric(model)
        return Played([(1.0, body)], knobs)
    if architecture == CONTAINER:
        return _container(model.node("config"), rules, warnings)
    whole = read_body(model, 1, rules)
    if not isinstance(whole, WaveNet) or not whole.is_slimmable:
        return Played([(1.0, whole)])
    if len(sizes := whole.sizes()) == 1:
        warnings.append("slimmable, but not in a way that we can cut: played at full width")
    return Played(sizes)


def _container(config: Node, rules: Rules, warnings: list[str]) -> Played:
    nodes = _submodels(config)
    if nodes[-1][0] < 1:
        warnings.append(f"max_value of the last submodel is {nodes[-1][0]:g}, not 1")
    rates = {usable_rate(node.values.get("sample_rate")) for _, node in nodes} - {None}
    if len(rates) > 1:
        config.refuse("submodels: not all have the same sample_rate")
    bodies = [(up_to, read_body(node, 1, rules, 1)) for up_to, node in nodes]
    return Played(bodies, inner=nodes[-1][1])


def _submodels(config: Node) -> list[tuple[float, Node]]:
    """Return the models of a container and the quality below which each is used, rising."""
    nodes = config.nodes("submodels", SUBMODELS)
    ends = [node.number("max_value", (0, 1e6)) for node in nodes]
    if sorted(set(ends)) != ends:
        config.refuse("submodels: each max_value must be above the one before")
    return list(zip(ends, (node.node("model") for node in nodes), strict=True))


def read_body(model: Node, inputs: int, rules: Rules, depth: int = 0) -> Body:
    """Return a model at its best size, into which ``inputs`` channels go."""
    if depth > DEPTH:
        model.refuse(f"models are nested more than {DEPTH} deep")
    architecture, config = model.text("architecture"), model.node("config")
    if architecture == CONTAINER:
        return read_body(_submodels(config)[-1][1], inputs, rules, depth + 1)
    if architecture == "WaveNet":
        inner = config.optional_node("condition_dsp")
        condition = read_body(inner, inputs, rules, depth + 1) if inner else None
        return read_wavenet(model, config, inputs, condition, rules.core_compatible)
    others: dict[str, Callable[[], Body]] = {
        "LSTM": lambda: read_lstm(model, config, inputs),
        "ConvNet": lambda: read_convnet(model, config, inputs, rules.core_compatible),
        "Linear": lambda: read_linear(model, config, inputs, rules.reverse_linear),
    }
    if architecture in others:
        return others[architecture]()
    reason = REFUSED.get(architecture, "it is none that we know")
    names = ", ".join(("WaveNet", *others, CONTAINER, *PARAMETRIC))
    model.refuse(f"architecture = {show(architecture)}: {reason}; supported: {names}")
