"""Kernels of random networks against a slow interpreter, at every tile, on every processor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from modelfiles.interpreter import played

from engine import native
from engine.boxes.fir import Fir
from engine.neural import emit
from engine.neural.compiled import Compiled, compile_network
from engine.neural.network import (
    ACTIVATIONS,
    Activate,
    Blend,
    Conv,
    Film,
    Gate,
    Gru,
    Lstm,
    Network,
    NetworkError,
    Prelu,
    Signal,
    Softmax,
    Ssm,
    Stage,
    Term,
)
from engine.neural.plan import Plan
from engine.neural.tile import Tile

ROOT = Path(__file__).parents[2]
TILES = [
    Tile(16, 8, 2, 16, 2),
    Tile(16, 16, 1, 8, 4),
    Tile(16, 8, 2, 16, 1, spread=True),
    Tile(8, 6, 2, 8, 1),
    Tile(8, 3, 4, 4, 3),
    Tile(4, 4, 4, 4, 2),
]
CONSTANTS = {"hardtanh": (-0.7, 0.9), "leaky_relu": (0.01,), "leaky_hardtanh": (-1, 0.5, 0.1, 0.2)}
slow = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def curve(name: str) -> Activate:
    return Activate(name, CONSTANTS.get(name, ()))


class Maker:
    """Draws networks whose weights keep the sound within bounds."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
        self.input = Signal(1 + draw(st.integers(0, 2)))
        self.network = Network(self.input, self.input)

    def weights(self, *shape: int) -> Any:
        scale = 1.0 / np.sqrt(max(1, int(np.prod(shape[1:]))))
        return (scale * self.rng.standard_normal(shape)).astype(np.float32)

    def term(self, signal: Signal, out: int) -> Term:
        groups = np.gcd(signal.channels, out)
        groups = int(self.draw(st.sampled_from([g for g in (1, 2, 3, groups) if groups % g == 0])))
        taps = self.draw(st.sampled_from([1, 1, 2, 3, 6, 19]))
        dilation = self.draw(st.sampled_from([1, 2, 7, 33, 200]))
        return Term(signal, self.weights(out, signal.channels // groups, taps), dilation, groups)

    def step(self, width: int) -> Any:
        kind = self.draw(st.sampled_from(["curve", "curve", "gate", "blend", "prelu", "film"]))
        names = st.sampled_from(sorted(ACTIVATIONS))
        if kind in ("gate", "blend") and width % 2 == 0:
            pair = curve(self.draw(names)), curve(self.draw(names))
            return Gate(*pair) if kind == "gate" else Blend(*pair)
        if kind == "prelu":
            return Prelu(self.weights(width))
        if kind == "film":
            scale, shift = Signal(width), Signal(width)
            for made in (scale, shift):
                term = Term(self.input, self.weights(width, self.input.channels, 1))
                self.network.ops.append(Conv(made, (term,)))
            return Film(scale, self.draw(st.sampled_from([shift, None])))
        return curve(self.draw(names))

    def layer(self, known: list[Signal], total: Signal | None) -> Signal:
        width = self.draw(st.integers(1, 20))
        source = self.draw(st.sampled_from(known))
        terms = [self.term(source, width)]
        if self.draw(st.booleans()):
            terms.append(self.term(self.input, width))
        step = self.step(width)
        out = width // 2 if isinstance(step, (Gate, Blend)) else width
        target = Signal(out)
        bias = self.weights(width) if self.draw(st.booleans()) else None
        adds = tuple(s for s in known if s.channels == width)[:1]
        same = total if total is not None and total.channels == out else None
        self.network.ops.append(Conv(target, tuple(terms), bias, adds, (step,), same))
        return target


@st.composite
def networks(draw: Any) -> Network:
    m = Maker(draw)
    known = [m.input]
    total = Signal(draw(st.integers(1, 8)))
    for _ in range(draw(st.integers(1, 4))):
        known.append(m.layer(known, total))
    if draw(st.booleans()):
        hidden = draw(st.sampled_from([3, 8, 17]))
        source, target = known[-1], Signal(hidden)
        w_in, w_state = m.weights(4 * hidden, source.channels), m.weights(4 * hidden, hidden)
        if draw(st.booleans()):
            state = m.weights(hidden), m.weights(hidden)
            m.network.ops.append(Lstm(source, target, w_in, w_state, m.weights(4 * hidden), *state))
        else:
            three = 3 * hidden
            bias = m.weights(three), m.weights(three)
            m.network.ops.append(
                Gru(source, target, w_in[:three], w_state[:three], *bias, m.weights(hidden))
            )
        known.append(target)
    if draw(st.booleans()):
        source, target = known[-1], Signal(known[-1].channels)
        m.network.ops.append(Softmax(source, target))
        known.append(target)
    if draw(st.booleans()):
        source, target = known[-1], Signal(known[-1].channels)
        poles = m.rng.uniform(-0.7, 0.7, (source.channels, draw(st.integers(1, 6)), 2))
        c = 0.3 * m.rng.standard_normal(poles.shape)
        arrays = (poles.astype(np.float32), c.astype(np.float32), m.weights(source.channels))
        m.network.ops.append(Ssm(source, target, *arrays))
        known.append(target)
    if draw(st.booleans()):
        mixed, target = Signal(1), Signal(1)
        term = Term(known[-1], m.weights(1, known[-1].channels, 1))
        m.network.ops.append(Conv(mixed, (term,)))
        m.network.ops.append(Stage((mixed,), target, Fir(m.weights(draw(st.integers(1, 200))))))
        known.append(target)
    made = [
        s for s in (total,) if any(isinstance(op, Conv) and op.total is s for op in m.network.ops)
    ]
    out = Signal(1)
    terms = tuple(Term(s, m.weights(1, s.channels, 1)) for s in (known[-1], *made))
    m.network.ops.append(Conv(out, terms))
    m.network.output = out
    m.network.check()
    return m.network


def at(network: Network, tile: Tile, fast: bool = False) -> Compiled:
    plan = Plan(network, tile)
    place, kept = native.link(native.emit_vectors(emit.write(plan, fast)))
    compiled = Compiled(network, plan, place)
    compiled.kept = kept  # type: ignore[attr-defined]
    return compiled


def heard(network: Network, frames: int = 700) -> Any:
    rows = np.full((network.input.channels, frames), 0.3, np.float32)
    rows[0] = np.random.default_rng(5).normal(0, 0.5, frames)
    return rows


@slow
@given(network=networks(), tile=st.sampled_from(TILES), fast=st.booleans())
def test_any_network_is_what_the_interpreter_makes_of_it(
    network: Network, tile: Tile, fast: bool
) -> None:
    sound = heard(network)
    wanted = played(network, sound, fast=fast)[0]
    compiled = at(network.without_dead_work(), tile, fast)
    made = compiled.play(sound)
    size = max(1.0, float(np.abs(wanted).max()))
    np.testing.assert_allclose(made, wanted, atol=2e-5 * size, rtol=0)
    compiled.reset()
    np.testing.assert_array_equal(compiled.play(sound, 11), made)


@settings(slow, max_examples=10)  # each is compiled for every tile
@given(network=networks())
def test_a_tile_changes_nothing_but_the_speed(network: Network) -> None:
    convolutions = not network.is_recurrent
    sound = heard(network, 200)
    first, *others = (at(network, tile).play(sound) for tile in TILES)
    for made in others:
        if convolutions:
            np.testing.assert_array_equal(made, first)
        else:
            np.testing.assert_allclose(made, first, atol=1e-5, rtol=0)


def wide() -> Network:
    """Every kind of kernel in one network."""
    x, rng = Signal(2), np.random.default_rng(1)

    def w(*shape: int) -> Any:
        return (0.3 * rng.standard_normal(shape)).astype(np.float32)

    y, z, total, h, g, s, out = (Signal(n) for n in (12, 12, 12, 9, 20, 20, 1))
    poles = rng.uniform(-0.7, 0.7, (20, 5, 2)).astype(np.float32)
    ops = [
        Conv(y, (Term(x, w(12, 2, 3), 2),), w(12), (), (curve("tanh"),), total),
        Conv(z, (Term(y, w(24, 12, 3), 9),), w(24), (), (Gate(curve("tanh"), curve("sigmoid")),),
             total),
        Lstm(total, h, w(36, 12), w(36, 9), w(36), w(9), w(9)),
        Gru(h, g, w(60, 9), w(60, 20), w(60), w(60), w(20)),
        Conv(s, (Term(g, w(20, 20, 1)),), None, (), (curve("elu"),)),
        Softmax(s, t := Signal(20)),
        Ssm(g, f := Signal(20), poles, w(20, 5, 2), w(20)),
        Conv(out, (Term(t, w(1, 20, 1)), Term(g, w(1, 20, 1)), Term(z, w(1, 12, 17)),
                   Term(f, w(1, 20, 1)))),
    ]  # fmt: skip
    return Network(x, out, ops)


@pytest.fixture
def processor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """``processor(triple, name, features)``: compile for that one from now on."""
    yield lambda *which: monkeypatch.setattr(native, "machine", lambda: which)


@pytest.mark.parametrize(
    ("name", "features", "width"),
    [("x86-64", "", 4), ("haswell", "+avx2,+fma", 8), ("core2", "", 16)],
)
def test_lesser_processors_play_the_same(
    processor: Any, name: str, features: str, width: int
) -> None:
    triple = native.machine()[0]
    if not triple.startswith("x86_64"):
        pytest.skip("needs an x86-64 processor")
    network = wide()
    wanted = played(network, heard(network, 300))[0]
    processor(triple, name, features)
    made = at(network, Tile(width, 4, 2, width, 2)).play(heard(network, 300))
    np.testing.assert_allclose(made, wanted, atol=1e-5, rtol=0)


def test_arm_gets_fused_vectors_and_calls_nothing(processor: Any) -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    processor("aarch64-unknown-linux-gnu", "generic", "+neon")
    text = emit.write(Plan(wide(), Tile(4, 8, 2, 4, 2)), False)
    assert native.emit_vectors(text)  # raises if it asks for anything but arithmetic
    module = llvm.parse_assembly(text)
    assembly = native.target_machine().emit_assembly(module)
    assert assembly.count("fmla") > 100
    assert "bl\t" in assembly  # its own kernels
    called = {line.split()[1] for line in assembly.splitlines() if line.strip().startswith("bl\t")}
    assert all(name.startswith(("kernel", "rewind")) for name in called), called


def test_a_second_network_of_a_shape_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_network(wide())
    monkeypatch.setattr(native, "emit_vectors", None)  # would be called
    other = wide()
    other.ops[0].bias[:] = 0.25  # type: ignore[union-attr, index]
    made = compile_network(other).play(heard(other, 300))
    np.testing.assert_allclose(made, played(other, heard(other, 300))[0], atol=1e-5, rtol=0)


def test_a_spoilt_note_of_a_tile_is_made_anew(monkeypatch: Any, tmp_path: Any) -> None:
    monkeypatch.setenv("TARAF_CACHE", str(tmp_path))
    wanted = compile_network(wide()).play(heard(wide()))
    for note in tmp_path.glob("*.json"):
        note.write_text('{"width": "many"}')
    np.testing.assert_allclose(compile_network(wide()).play(heard(wide())), wanted, atol=1e-6)


@pytest.mark.parametrize("spoil", ["cut", "empty", "gone"])
def test_a_spoilt_object_is_compiled_anew(monkeypatch: Any, tmp_path: Any, spoil: str) -> None:
    import subprocess
    import sys

    monkeypatch.setenv("TARAF_CACHE", str(tmp_path))
    program = (
        "import sys; sys.path.insert(0, 'tests'); import numpy as np\n"
        "from neural.test_kernels import compile_network, heard, wide\n"
        "np.save(sys.argv[1], compile_network(wide()).play(heard(wide())))"
    )
    made = []
    for turn in range(2):
        command = [sys.executable, "-c", program, str(tmp_path / f"{turn}.npy")]
        subprocess.run(command, check=True, cwd=ROOT)
        made.append(np.load(tmp_path / f"{turn}.npy"))
        for file in tmp_path.glob("net-*.o"):
            if spoil == "gone":
                file.unlink()
            else:
                file.write_bytes(file.read_bytes()[:1000] if spoil == "cut" else b"")
    np.testing.assert_array_equal(made[0], made[1])


def test_a_file_pruned_by_another_process_is_no_harm(monkeypatch: Any, tmp_path: Any) -> None:
    monkeypatch.setenv("TARAF_CACHE", str(tmp_path))
    for k in range(5):
        (tmp_path / f"net-{k}.o").write_bytes(b"x")
    (tmp_path / "net-link.o").symlink_to(tmp_path / "nothing")
    native.keep_newest("net-*", 2)
    assert len([*tmp_path.glob("net-*")]) == 2


def test_film_by_states_and_many_inputs_are_played_right() -> None:
    rng = np.random.default_rng(4)

    def w(*shape: int) -> Any:
        return (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)

    x, y, h, out = Signal(1), Signal(90), Signal(4), Signal(1)
    ops = [
        Conv(y, (Term(x, w(90, 1, 1)),)),
        Lstm(y, h, w(16, 90), w(16, 4), w(16), w(4), w(4)),
        Conv(z := Signal(4), (Term(x, w(4, 1, 3)),), None, (), (Film(h, h),)),
        Conv(out, (Term(z, w(1, 4, 1)),)),
    ]
    network = Network(x, out, ops)
    made = compile_network(network).play(heard(network))
    np.testing.assert_allclose(made, played(network, heard(network))[0], atol=1e-5, rtol=0)


def test_what_is_not_a_number_is_heard_of() -> None:
    x, out = Signal(1), Signal(1)
    for name in ("tanh", "relu", "sigmoid", "hardtanh", "leaky_relu", "elu", "hardswish"):
        weights = np.ones((1, 1, 1), np.float32)
        network = Network(x, out, [Conv(out, (Term(x, weights),), None, (), (curve(name),))])
        assert np.isnan(compile_network(network).play(np.full(64, np.nan))).all(), name


def test_what_does_not_fit_together_is_refused() -> None:
    x, y = Signal(1), Signal(3)
    with pytest.raises(NetworkError, match="weights"):
        Term(x, np.zeros((3, 2, 1), np.float32))
    with pytest.raises(NetworkError, match="nothing made"):
        Network(x, y, [Conv(y, adds=(Signal(3),))]).check()
    with pytest.raises(NetworkError, match="not finite"):
        Network(x, y, [Conv(y, (Term(x, np.full((3, 1, 1), np.nan, np.float32)),))]).check()
    gates = (Gate(curve("tanh"), curve("sigmoid")),) * 2
    with pytest.raises(NetworkError, match="two gates"):
        Network(x, y, [Conv(y, (Term(x, np.ones((12, 1, 1), np.float32)),), steps=gates)]).check()
    with pytest.raises(NetworkError, match="target has"):
        Network(x, y, [Conv(y, (Term(x, np.zeros((2, 1, 1), np.float32)),))]).check()


def test_dead_work_is_dropped() -> None:
    network = wide()
    unheard = Signal(5)
    network.ops.insert(0, Conv(unheard, (Term(network.input, np.ones((5, 2, 1), np.float32)),)))
    assert len(network.without_dead_work().ops) == len(network.ops) - 1
