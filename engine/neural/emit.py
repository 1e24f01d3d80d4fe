"""A plan as one module of LLVM code: a function for each kind of kernel, and one that calls them.

The entry is ``void(memory, input, output, frames)``: addresses of a network's memory, of its
input and output as rows of 64 floats, and how many of them count. What lies behind ``frames``
in a row is worked on and thrown away; it must only be there.
"""

from __future__ import annotations

from llvmlite import ir

from engine import native
from engine.neural.calls import Kind, Line, Place, SoftmaxKind, StageKind, TransposeKind
from engine.neural.convolve import ConvKind, ConvWriter
from engine.neural.curves import Curves
from engine.neural.plan import Plan
from engine.neural.recur import ProjectKind, RecurKind, RecurWriter, write_project
from engine.neural.scratch import ROW
from engine.neural.ssm import SsmKind, SsmWriter
from engine.neural.tile import FRAMES, Tile
from engine.neural.vector import FLOAT, I64, Value, Writer, index, zeros


def write(plan: Plan, fast: bool) -> str:
    """The module's text; ``fast`` uses NAM's rational in place of tanh."""
    module = ir.Module("network")
    module.triple = native.machine()[0]
    functions: dict[Kind, ir.Function] = {}
    for call in plan.calls:
        if call.kind not in functions:
            name = f"kernel{len(functions)}"
            functions[call.kind] = _write_kernel(module, name, call.kind, plan.tile, fast)
    _write_entry(module, plan, functions, _write_rewind(module))
    return str(module)


def names_of(kind: Kind) -> list[str]:
    """A kernel's arguments; the first is a count: of frames, or of vectors that hold them."""
    if isinstance(kind, (ConvKind, StageKind)):
        return kind.arguments()
    return list(kind.ARGUMENTS)


def _write_kernel(module: ir.Module, name: str, kind: Kind, tile: Tile, fast: bool) -> ir.Function:
    names = names_of(kind)
    function = _function(module, name, len(names))
    writer = Writer(module, function.append_basic_block())
    arguments = dict(zip(names, function.args, strict=True))
    if isinstance(kind, ConvKind):
        ConvWriter(writer, kind, tile, fast, arguments).write()
    elif isinstance(kind, RecurKind):
        RecurWriter(writer, kind, tile, fast, arguments).write()
    elif isinstance(kind, ProjectKind):
        write_project(writer, kind, tile, arguments)
    elif isinstance(kind, SoftmaxKind):
        _write_softmax(writer, kind, tile, fast, arguments)
    elif isinstance(kind, SsmKind):
        SsmWriter(writer, kind, tile, arguments).write()
    elif isinstance(kind, StageKind):
        _write_stage(writer, kind, arguments)
    else:
        _write_transpose(writer, kind, arguments)
    writer.b.ret_void()
    return function


def _function(module: ir.Module, name: str, arguments: int) -> ir.Function:
    kind = ir.FunctionType(ir.VoidType(), [I64] * arguments)
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    return function


def _write_softmax(
    w: Writer, kind: SoftmaxKind, tile: Tile, fast: bool, a: dict[str, Value]
) -> None:
    """Three passes over the channels: the highest, its distance's exponentials, their sum."""
    curves, width = Curves(w, fast), tile.width

    def column(at: Value, nothing: list[Value]) -> list[Value]:
        offset = w.times(at, FLOAT * width)
        x, y = w.add(a["x"], offset), w.add(a["target"], offset)

        def higher(c: Value, carried: list[Value]) -> list[Value]:
            place, highest = carried
            return [w.add(place, a["x_row"]), w.larger(w.load(place, width), highest)]

        _, highest = w.loop(index(0), index(kind.channels), 1, [x, w.load(x, width)], higher)

        def raised(c: Value, carried: list[Value]) -> list[Value]:
            place, target, total = carried
            value = curves.exp(w.b.fsub(w.load(place, width), highest))
            w.store(value, target)
            total = w.b.fadd(total, value)
            return [w.add(place, a["x_row"]), w.add(target, a["target_row"]), total]

        start = [x, y, zeros(width)]
        _, _, total = w.loop(index(0), index(kind.channels), 1, start, raised)

        def shared(c: Value, carried: list[Value]) -> list[Value]:
            (target,) = carried
            w.store(w.b.fdiv(w.load(target, width), total), target)
            return [w.add(target, a["target_row"])]

        w.loop(index(0), index(kind.channels), 1, [y], shared)
        return []

    w.loop(index(0), a["vectors"], 1, [], column)


def _write_transpose(w: Writer, kind: TransposeKind, a: dict[str, Value]) -> None:
    def channel(c: Value, carried: list[Value]) -> list[Value]:
        def sample(t: Value, inner: list[Value]) -> list[Value]:
            place, target = inner
            w.store(w.b.extract_element(w.load(place, 1), ir.Constant(ir.IntType(32), 0)), target)
            return [w.add(place, FLOAT * kind.padded), w.add(target, FLOAT)]

        w.loop(index(0), a["frames"], 1, carried, sample)
        return [w.add(carried[0], FLOAT), w.add(carried[1], a["target_row"])]

    w.loop(index(0), index(kind.hidden), 1, [a["rows"], a["target"]], channel)


def _write_stage(w: Writer, kind: StageKind, a: dict[str, Value]) -> None:
    """Copy the sources' rows together, call the box's code with its memory, copy what it made."""

    def copy(source: Value, target: Value) -> None:
        for at in range(0, ROW, FLOAT * 16):
            w.store(w.load(w.add(source, at), 16), w.add(target, at))

    def channel(c: Value, carried: list[Value]) -> list[Value]:
        copy(*carried)
        return [w.add(carried[0], row), w.add(carried[1], ROW)]

    target = a["rows"]
    for k, channels in enumerate(kind.sources):
        row = a[f"x{k}_row"]
        _, target = w.loop(0, channels, 1, [a[f"x{k}"], target], channel)
    signature = ir.FunctionType(ir.VoidType(), [I64] * 3)
    code = w.b.inttoptr(w.load_word(a["box"]), signature.as_pointer())
    memory = w.b.add(a["memory"], w.load_word(w.add(a["box"], 8)))
    w.b.call(code, [memory, a["rows"], a["frames"]])
    copy(a["rows"], a["target"])


def _write_rewind(module: ir.Module) -> ir.Function:
    """Move the last ``keep`` bytes before ``position`` of every row to the row's front."""
    function = _function(module, "rewind", 5)
    w = Writer(module, function.append_basic_block())
    line, position, keep, rows, length = function.args
    first = w.b.sub(position, keep)
    step = FLOAT * 16

    def row(number: Value, carried: list[Value]) -> list[Value]:
        def piece(at: Value, inner: list[Value]) -> list[Value]:
            place = w.add(carried[0], at)
            w.store(w.load(w.add(place, first), 16), place)
            return []

        w.loop(index(0), keep, step, [], piece)
        return [w.add(carried[0], length)]

    w.loop(index(0), rows, 1, [line], row)
    w.b.ret_void()
    return function


def _write_entry(
    module: ir.Module, plan: Plan, functions: dict[Kind, ir.Function], rewind: ir.Function
) -> None:
    entry = _function(module, native.ENTRY, 4)
    entry.linkage = "external"
    entry.attributes.discard("noinline")
    memory, heard, made, frames = entry.args
    w = Writer(module, entry.append_basic_block())
    bases = {"memory": memory, "input": heard, "output": made}
    width = plan.tile.width
    vectors = w.b.sdiv(w.add(frames, width - 1), index(width))
    positions = [
        _position(w, memory, number, line, rewind) for number, line in enumerate(plan.lines)
    ]

    def value(given: Place | int) -> Value:
        if isinstance(given, int):
            return index(given)
        at = w.add(bases[given.base], given.offset)
        return at if given.line is None else w.add(at, positions[given.line])

    for call in plan.calls:
        count = vectors if names_of(call.kind)[0] == "vectors" else frames
        w.b.call(functions[call.kind], [count, *(value(given) for given in call.given)])
    moved = w.times(frames, FLOAT)
    for number, position in enumerate(positions):
        w.store_word(w.add(position, moved), w.add(memory, 8 * number))
    w.b.ret_void()


def _position(w: Writer, memory: Value, number: int, line: Line, rewind: ir.Function) -> Value:
    """Where the line's present is, after moving it to the front where there is no more room."""
    b = w.b
    position = w.load_word(w.add(memory, 8 * number))
    full = b.icmp_signed(">", position, index(FLOAT * (line.length - FRAMES)))
    before = b.block
    with b.if_then(full, likely=False):
        keep = index(FLOAT * line.keep)
        b.call(
            rewind,
            [w.add(memory, line.offset), position, keep, index(line.rows),
             index(FLOAT * line.length)],
        )  # fmt: skip
        inside = b.block
    moved = b.phi(I64)
    moved.add_incoming(position, before)
    moved.add_incoming(keep, inside)
    return moved


def peak(width: int, accumulators: int, turns: int) -> str:
    """A module that does nothing but ``turns`` times ``accumulators`` vector multiply-adds."""
    module = ir.Module("peak")
    module.triple = native.machine()[0]
    entry = _function(module, native.ENTRY, 4)
    entry.linkage = "external"
    w = Writer(module, entry.append_basic_block())
    factor = w.load(entry.args[0], width)
    start = [w.load(w.add(entry.args[1], FLOAT * width * k), width) for k in range(accumulators)]

    def turn(i: Value, sums: list[Value]) -> list[Value]:
        return [w.fma(factor, value, value) for value in sums]

    sums = w.loop(index(0), index(turns), 1, start, turn)
    for k, value in enumerate(sums):
        w.store(value, w.add(entry.args[2], FLOAT * width * k))
    w.b.ret_void()
    return str(module)
