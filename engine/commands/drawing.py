"""Plugins, presets and devices on the terminal: tables and a tree."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text
from rich.tree import Tree


def _text(value: object, style: str = "") -> Text:
    """``value`` for the terminal, whatever is in it: no markup, no control characters."""
    return Text("".join(c if c.isprintable() else " " for c in str(value)), style)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def plugins(console: Any, data: dict[str, Any]) -> None:
    table = _table("plugin", "what it does")
    for row in data["plugins"]:
        said = _text(row["error"], "red") if row["error"] else _text(row["help"])
        table.add_row(_text(row["name"], "bold"), said)
    console.print(table)


def plugin(console: Any, data: dict[str, Any]) -> None:
    console.print(_text(data["name"], "bold"), _text(data["help"]))
    table = _table("parameter", "default", "allowed", "taper", "ramp", "what it does")
    for name, row in data["params"].items():
        cells = [name, _number(row["default"]), row["allowed"]]
        cells += [row["taper"], f"{row['smooth_ms']:g} ms", row["help"]]
        table.add_row(*map(_text, cells))
    console.print(table)
    if data["settings"]:
        table = _table("setting", "default", "allowed", "what it does")
        for name, row in data["settings"].items():
            kind = ", ".join(row.get("choices", [])) or row["kind"]
            table.add_row(*map(_text, (name, row["default"], kind, row["help"])))
        console.print(table)
    if data["readouts"]:
        console.print(_text(f"It reports {', '.join(data['readouts'])}."))


def presets(console: Any, data: dict[str, Any]) -> None:
    table = _table("preset", "what it is")
    for row in data["presets"]:
        said = _text(row["error"], "red") if row["error"] else _text(row["about"])
        table.add_row(_text(row["name"], "bold"), said)
    console.print(table if data["presets"] else "there are no presets yet")


def rack(console: Any, data: dict[str, Any]) -> None:
    tree = Tree(
        _text(f"{data['name']}: {data['about']}" if data["about"] else data["name"], "bold")
    )
    for lane in data["lanes"]:
        branch = tree.add(_text(f"{lane['name']} (input {lane['input']})", "bold cyan"))
        for link in lane["plugins"]:
            _add_link(branch, link)
        _add_values(branch, lane["values"])
    master = tree.add(_text("master", "bold cyan"))
    for link in data["master"]:
        _add_link(master, link)
    console.print(tree)
    for warning in data["warnings"]:
        console.print(_text(f"warning: {warning}", "yellow"))


def _add_link(branch: Any, link: dict[str, Any]) -> None:
    same = link["name"] == link["use"]
    name = link["name"] if same else f"{link['name']} ({link['use']})"
    _add_values(branch.add(_text(name, "bold")), link["values"])


def _add_values(branch: Any, values: dict[str, Any]) -> None:
    for key, row in values.items():
        unit = f" {row['unit']}" if row["unit"] else ""
        style = "" if row["set"] else "dim"  # what a preset does not say stands back
        branch.add(_text(f"{key} = {_number(row['value'])}{unit}", style))


def devices(console: Any, data: dict[str, Any]) -> None:
    table = _table("index", "device", "through", "in", "out", "rate", "latency in, out (ms)")
    for d in data["devices"]:
        index = "" if d["index"] is None else d["index"]
        latency = f"{d['input_latency_ms']:g}, {d['output_latency_ms']:g}"
        cells = (index, d["name"], d["api"], d["inputs"], d["outputs"], d["rate"], latency)
        table.add_row(*map(_text, cells))
    console.print(table)
    if data["hint"]:
        console.print(_text(data["hint"], "yellow"), soft_wrap=True)


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
