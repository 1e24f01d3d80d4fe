"""Models on the terminal: a table, and one model in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.commands.drawing import _table, _text

if TYPE_CHECKING:
    from engine.library import Card

GEAR = {"amp_cab": "amp + cab", "amp_pedal_cab": "amp + pedal + cab", "pedal_amp": "pedal + amp"}


def models(console: Any, cards: list[Card]) -> None:
    table = _table("model", "what it is", "architecture", "loudness", "cost", "where")
    table.columns[0].min_width = min(20, max((len(card.name) for card in cards), default=0))
    for column in table.columns[3:]:
        column.no_wrap = True
    for card in cards:
        loudness = "" if card.loudness_db is None else f"{card.loudness_db:.1f} dB"
        what = card.about or gear(card)
        cost = thousands(card.multiply_adds)
        cells = (what, card.architecture, loudness, cost, card.origin)
        table.add_row(_text(card.name, "bold"), *map(_text, cells))
    console.print(table if cards else "no model is here; taraf models add FILE")


def gear(card: Card) -> str:
    """What was modelled, in a few words."""
    kind = " ".join((GEAR.get(card.gear, card.gear), card.tone.replace("_", " "))).strip()
    made = " ".join(part for part in (card.make, card.model) if part)
    return ", ".join(part for part in (made, kind) if part)


def line(card: Card) -> str:
    """A model in one line."""
    parts = [card.architecture, f"{card.sample_rate} Hz", gear(card)]
    if card.loudness_db is not None:
        measured = " (measured)" if "loudness_db" in card.computed else ""
        parts.append(f"loudness {card.loudness_db:.1f} dB{measured}")
    parts += [f"knobs {', '.join(knob.name for knob in card.knobs)}"] if card.knobs else []
    return f"{card.name}: {', '.join(part for part in parts if part)}"


def thousands(count: int | None) -> str:
    """A count in thousands, empty if it is not known."""
    return "" if count is None else f"{count / 1000:.1f} k" if count >= 1000 else str(count)


def model(console: Any, data: dict[str, Any]) -> None:
    """Everything there is to say of one model, a fact a line, without what nobody told."""
    console.print(_text(data["name"], "bold"), _text(data["about"]))
    table = _table("fact", "value")
    table.show_header = False
    for fact, value in _facts(data):
        if value not in ("", None):
            table.add_row(_text(fact, "dim"), _text(value))
    console.print(table)
    here = data["here"] or {"warnings": []}
    for warning in (*data["warnings"], *here["warnings"]):
        console.print(_text(f"warning: {warning}", "yellow"), soft_wrap=True)


def _facts(data: dict[str, Any]) -> list[tuple[str, Any]]:
    here = data["here"]
    return [
        ("architecture", data["architecture"]),
        ("format", data["format"]),
        ("sample rate", f"{data['sample_rate']} Hz"),
        ("qualities", data["sizes"] if data["sizes"] > 1 else ""),
        *((f"knob {knob['name']}", _range(knob)) for knob in data["knobs"]),
        ("gear", GEAR.get(data["gear"], data["gear"])),
        ("made by", " ".join(part for part in (data["make"], data["model"]) if part)),
        ("tone", data["tone"].replace("_", " ")),
        ("author", data["author"]),
        ("loudness", _level(data, "loudness_db", " dB")),
        ("compression", _level(data, "gain", " of 0 to 1")),
        ("input level", _level(data, "input_dbu", " dBu")),
        ("output level", _level(data, "output_dbu", " dBu")),
        ("weights", data["weights"]),
        ("multiply-adds", data["multiply_adds"] and f"{data['multiply_adds']} a sample"),
        ("receptive field", _field(data)),
        ("costs here", here and _cost(here)),
        ("memory", here and f"{here['memory_bytes'] / 1024:.0f} KiB"),
        ("file", data["path"]),
        ("came as", data["original"]),
        ("size", data["size_bytes"] and f"{data['size_bytes'] / 1000:.1f} kB"),
        ("sha256", data["sha256"][:16]),
        ("added", data["added"]),
        ("where", {"yours": "your library", "shipped": "comes with taraf"}.get(data["origin"])),
    ]


def _range(knob: dict[str, Any]) -> str:
    return f"{knob['minimum']:g} to {knob['maximum']:g}, {knob['default']:g} at first"


def _level(data: dict[str, Any], key: str, unit: str) -> str:
    if data[key] is None:
        return ""
    measured = " (measured here)" if key in data["computed"] else ""
    return f"{data[key]:.2f}{unit}{measured}"


def _field(data: dict[str, Any]) -> str:
    samples = data["receptive_field"] or 0
    if samples < 2:  # a recurrent network looks back without end
        return ""
    return f"{samples} samples, {1000 * samples / data['sample_rate']:.1f} ms"


def _cost(here: dict[str, Any]) -> str:
    share = 100.0 * here["deadline_share"]
    return f"{share:.1f} % of the time there is: {here['microseconds']:.1f} us for {here['block']}"


__all__ = ["gear", "line", "model", "models"]
