"""Writes a rack as TOML text that reads back as the same rack."""

from __future__ import annotations

import re
from pathlib import Path

from engine.params import Param
from engine.rack import Link, Rack, Strip


def dump(rack: Rack) -> str:
    """The TOML text of ``rack``; ``parse`` reads the same rack from it."""
    lines = [f"name = {_quoted(rack.name)}", f"about = {_quoted(rack.about)}"]
    if rack.tempo_bpm != 120.0:
        lines.append(f"tempo_bpm = {rack.tempo_bpm!r}")
    if rack.xy:
        lines.append(f"xy = [{', '.join(map(_quoted, rack.xy))}]")
    for lane in rack.lanes:
        lines += ["", "[[lane]]", f"name = {_quoted(lane.name)}"]
        lines.append(f"input = {_quoted(lane.source)}")
        lines += [_line(k, v, Strip.params[k]) for k, v in lane.knobs.items()]
        for link in lane.chain:
            lines += ["", "[[lane.plugin]]", *_link_lines(link, rack.folder)]
    for link in rack.master:
        lines += ["", "[[master]]", *_link_lines(link, rack.folder)]
    for table in rack.midi:
        lines += ["", "[[midi]]", *(f"{_key(k)} = {_plain(v)}" for k, v in table.items())]
    return "\n".join(lines) + "\n"


def _link_lines(link: Link, folder: Path) -> list[str]:
    lines = [f"use = {_quoted(link.use)}"]
    if link.name != link.use:
        lines.append(f"name = {_quoted(link.name)}")
    lines += [f"{k} = {v if isinstance(v, int) else _quoted(v)}" for k, v in link.settings.items()]
    params = link.params(folder)
    return lines + [_line(k, v, params[k]) for k, v in link.knobs.items() if k in params]


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _plain(value: object) -> str:
    """What tomllib has read, as TOML again; a date becomes text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(k)} = {_plain(v)}' for k, v in value.items())}}}"
    return repr(value) if isinstance(value, (int, float)) else _quoted(str(value))


def _line(key: str, value: float, param: Param) -> str:
    plain = param.plain(value)
    return f"{key} = {_quoted(plain) if isinstance(plain, str) else repr(float(plain))}"


def _quoted(text: str) -> str:
    escaped = "".join(
        f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else {'"': '\\"', "\\": "\\\\"}.get(c, c)
        for c in text
    )
    return f'"{escaped}"'
