"""Models on the terminal: a table, and one model in full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.commands.drawing import _table, _text

if TYPE_CHECKING:
    from engine.library import Card

NAME, WHAT, LOUDNESS, COST = "model", "what it is", "loudness", "mult-adds/sample"
MEASURED = ", measured"
WHERE = {"yours": "your library", "shipped": "comes with taraf", "folder": "a model's folder"}
GAP = 2  # between two columns
GEAR = {"amp_cab": "amp + cab", "amp_pedal_cab": "amp + pedal + cab", "pedal_amp": "pedal + amp"}


HEAD = (NAME, WHAT, "architecture", "sample rate", LOUDNESS, COST, "where")
LEAST_WORDS = 20  # of width for what a model is; with less, the column is left out
LEFT_OUT = (COST, "architecture", "sample rate", LOUDNESS, "where")  # the first one first


def models(console: Any, cards: list[Card]) -> None:
    """A table on a terminal, as wide as it is; a line for each model where nobody looks."""
    rows = [_row(card) for card in cards]
    if console.is_terminal:
        _fitted(console, rows)
    else:
        _lines(console, [dict(zip(HEAD, HEAD, strict=True)), *rows])


def _row(card: Card) -> dict[str, str]:
    measured = MEASURED if "loudness_db" in card.computed else ""
    loudness = "" if card.loudness_db is None else f"{card.loudness_db:.1f} dB{measured}"
    what, rate = card.about or gear(card), f"{card.sample_rate} Hz"
    cells = (card.name, what, card.architecture, rate, loudness, thousands(card.multiply_adds))
    plain = (_text(cell).plain for cell in (*cells, card.origin))
    return dict(zip(HEAD, plain, strict=True))


def _lines(console: Any, rows: list[dict[str, str]]) -> None:
    for row in rows:
        print("\t".join(row.values()), file=console.file)  # rich would make spaces of tabs


def _fitted(console: Any, rows: list[dict[str, str]]) -> None:
    """Print whole cells only: columns that have no room are left out."""
    from rich.cells import cell_len

    marked = any(row[LOUDNESS].endswith(MEASURED) for row in rows)
    rows = [{**row, LOUDNESS: row[LOUDNESS].replace(MEASURED, " *")} for row in rows]
    widths = {head: max(map(cell_len, (head, *(row[head] for row in rows)))) for head in HEAD}
    heads = [head for head in HEAD if head != WHAT]
    for dropped in LEFT_OUT:
        if _width(widths, heads) <= console.width:
            break
        heads.remove(dropped)
    room = console.width - _width(widths, heads) - GAP
    if room >= min(LEAST_WORDS, widths[WHAT]):
        heads.insert(1, WHAT)
    table = _table(*heads)
    for column, head in zip(table.columns, heads, strict=True):
        column.no_wrap, column.overflow = head != WHAT, "fold" if head == WHAT else "ignore"
        column.min_width = min(room, widths[head]) if head == WHAT else widths[head]
    for row in rows:
        table.add_row(*(_text(row[head], "bold" if head == NAME else "") for head in heads))
    console.print(table, crop=False, width=max(console.width, widths[NAME]))
    if marked and LOUDNESS in heads:
        console.print(_text("* measured, for the file does not tell", "dim"), soft_wrap=True)


def _width(widths: dict[str, int], heads: list[str]) -> int:
    return sum(widths[head] for head in heads) + GAP * (len(heads) - 1)


def gear(card: Card) -> str:
    """What was modelled, in a few words."""
    kind = " ".join((GEAR.get(card.gear, card.gear), card.tone.replace("_", " "))).strip()
    made = " ".join(part for part in (card.make, card.model) if part)
    return ", ".join(part for part in (made, kind) if part)


def line(card: Card) -> str:
    """What a model is, in one line."""
    parts = [card.architecture, f"{card.sample_rate} Hz", gear(card)]
    if card.loudness_db is not None:
        measured = " (measured)" if "loudness_db" in card.computed else ""
        parts.append(f"loudness {card.loudness_db:.1f} dB{measured}")
    parts += [f"knobs {', '.join(knob.name for knob in card.knobs)}"] if card.knobs else []
    return _text(", ".join(part for part in parts if part)).plain


def thousands(count: int | None) -> str:
    """A count in thousands, empty if it is not known."""
    return "" if count is None else f"{count / 1000:.1f} k" if count >= 1000 else str(count)


def model(console: Any, data: dict[str, Any]) -> None:
    """Everything there is to say of one model, a fact a line, without what nobody told."""
    console.print(_text(data["name"], "bold"), _text(data["about"]), soft_wrap=True)
    facts = [(fact, str(value)) for fact, value in _facts(data) if value not in ("", None)]
    if console.is_terminal:
        _two_columns(console, facts)
    else:
        _lines(console, [{"fact": fact, "value": _text(value).plain} for fact, value in facts])
    here = data["here"] or {"warnings": []}
    for warning in (*data["warnings"], *here["warnings"]):
        console.print(_text(f"warning: {warning}", "yellow"), soft_wrap=True)


def _two_columns(console: Any, facts: list[tuple[str, str]]) -> None:
    table = _table("fact", "value")
    table.show_header = False
    for fact, value in facts:
        table.add_row(_text(fact, "dim"), _text(value))
    console.print(table)


def _facts(data: dict[str, Any]) -> list[tuple[str, Any]]:
    here = data["here"]
    return [
        ("architecture", data["architecture"]),
        ("format", data["format"]),
        ("sample rate", f"{data['sample_rate']} Hz"),
        ("qualities", data["sizes"] if data["sizes"] > 1 else ""),
        *((f"knob{n} {knob['name']}", _range(knob)) for n, knob in enumerate(data["knobs"], 1)),
        ("gear", GEAR.get(data["gear"], data["gear"])),
        ("made by", " ".join(part for part in (data["make"], data["model"]) if part)),
        ("tone", data["tone"].replace("_", " ")),
        ("author", data["author"]),
        ("loudness", _level(data, "loudness_db", " dB")),
        ("gain", _level(data, "gain", " (0 clean to 1 compressed)")),
        ("input level", _level(data, "input_dbu", " dBu")),
        ("output level", _level(data, "output_dbu", " dBu")),
        ("weights", data["weights"]),
        ("multiply-adds", data["multiply_adds"] and f"{data['multiply_adds']} a sample"),
        ("receptive field", _field(data)),
        ("costs here", here and _cost(here)),
        ("memory", here and f"{here['memory_bytes'] / 1024:.0f} KiB"),
        ("file", data["path"]),
        ("came from", data["came_from"] or data["original"]),
        ("size", data["size_bytes"] and f"{data['size_bytes'] / 1000:.1f} kB"),
        ("sha256", data["sha256"][:16]),
        ("added", data["added"]),
        ("where", WHERE.get(data["origin"])),
    ]


def _range(knob: dict[str, Any]) -> str:
    return f"{knob['minimum']:g} to {knob['maximum']:g}, {knob['default']:g} at first"


def _level(data: dict[str, Any], key: str, unit: str) -> str:
    if data[key] is None:
        return ""
    measured = ", measured here" if key in data["computed"] else ""
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
