"""Where the name or the file in a preset leads, and where its parameters then stand."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from engine.params import Param
from plugins.vst import cache, folders
from plugins.vst.cache import Found, Index, Record
from plugins.vst.errors import VstError
from plugins.vst.scan import found_in, look
from plugins.vst.trial import attempt

TRUSTED_SECONDS = 1.0
"""How long an answer is given again without a look at the file: presets ask for every knob."""
STANDARD_RATES = (44100, 48000, 88200, 96000, 192000)


@dataclass(frozen=True)
class Wish:
    """Which plug-in a preset wants, in which state; ``folder`` is where file names begin."""

    plugin: str
    part: str
    state: str
    program: str
    folder: Path

    @classmethod
    def of(cls, settings: Mapping[str, str | int], folder: Path) -> Wish:
        """What the settings of a link say."""
        plugin, part, state, program = (
            str(settings.get(key, "")) for key in ("plugin", "part", "state", "program")
        )
        return cls(plugin, part, state, program, folder)

    @property
    def program_file(self) -> str:
        """The path of the .vstpreset; empty where none is asked for."""
        return str(folders.located(self.folder, self.program)) if self.program else ""


@dataclass(frozen=True)
class Standing:
    """A plug-in, and where its parameters stand at first: by index, empty for as it comes."""

    found: Found
    raws: tuple[float, ...] = ()
    latency: dict[str, int] = field(default_factory=dict)

    @cached_property
    def params(self) -> dict[str, Param]:
        """Its parameters by name, their defaults as it stands."""
        return {
            one.name: one.param(self.raws[one.index] if one.index < len(self.raws) else None)
            for one in self.found.controls
        }


@dataclass
class _Memory:
    """What was asked before: answers, when they were last checked, and the index of names."""

    index: Index = field(default_factory=Index)
    answers: dict[Wish, tuple[float, folders.Stamp, Standing]] = field(default_factory=dict)


_memory = _Memory()


def stand(wish: Wish) -> Standing:
    """The plug-in that a preset wants, as it stands; raises VstError with what to do.

    One that was never scanned is looked into now. What has been found once is found until this
    process ends, though its file may be taken away meanwhile.
    """
    known = _memory.answers.get(wish)
    if known is not None and time.monotonic() - known[0] < TRUSTED_SECONDS:
        return known[2]
    if known is not None:
        try:
            same = folders.stamp(known[2].found.path) == known[1]
        except OSError:
            same = True
        if same:
            _memory.answers[wish] = (time.monotonic(), *known[1:])
            return known[2]
    found = find(wish)
    answer = _standing(found, wish) if wish.state or wish.program else Standing(found)
    _memory.answers[wish] = (time.monotonic(), folders.stamp(found.path), answer)
    return answer


def find(wish: Wish) -> Found:
    """The plug-in that a preset wants; raises VstError."""
    if not wish.plugin:
        raise VstError("plugin is empty; it is a file, or a name that `taraf vst list` shows")
    if _is_path(wish.plugin):
        return _part(_record(folders.located(wish.folder, wish.plugin)), wish.part)
    return _named(wish)


def _is_path(name: str) -> bool:
    return any(mark in name for mark in "/\\") or Path(name).suffix.lower() in folders.SUFFIXES


def _record(path: Path) -> Record:
    """What is known of a bundle, found out now if need be."""
    if not os.path.exists(path):
        raise VstError(f"{path}: there is no such plug-in; `taraf vst list` shows those found")
    if path.suffix.lower() not in folders.SUFFIXES:
        raise VstError(f"{path}: is not a plug-in; allowed is {' or '.join(folders.SUFFIXES)}")
    known = cache.read(path)
    return known if known is not None and known.fresh else look(path)


def _part(record: Record, part: str) -> Found:
    """The one plug-in of a bundle, or the part of it that is wanted."""
    wanted = part.casefold()
    good = [one for one in record.plugins if wanted in ("", one.part.casefold())]
    if len(good) == 1:
        return good[0]
    if good:
        names = ", ".join(one.part for one in good)
        raise VstError(f"{record.path}: holds {len(good)} plug-ins; `part` says which: {names}")
    for one in record.bad:
        if wanted in ("", one.part.casefold()) or not one.part:
            raise VstError(
                f"{one.path}: {one.reason}; it is passed over until it changes, or until "
                "`taraf vst scan --again`"
            )
    names = ", ".join(one.part for one in record.plugins)
    raise VstError(f"{record.path}: has no part {part!r}; there are {names or 'none'}")


def _named(wish: Wish) -> Found:
    name = wish.plugin.casefold()
    records = [one for one in _memory.index.records() if os.path.exists(one.path)]
    for record in records:  # by path: a VST3 comes before an Audio Unit where both are there
        for one in record.plugins:
            if name in (one.name.casefold(), one.part.casefold()):
                return _part(_record(record.path), one.part)
    for path in [*(record.path for record in records), *found_in(())]:
        if path.stem.casefold() == name:
            return _part(_record(path), wish.part)
    for record in records:
        if any(one.name.casefold() == name for one in record.bad):
            return _part(record, wish.plugin)
    known = [one.name for record in records for one in record.plugins]
    near = difflib.get_close_matches(wish.plugin, known, n=3, cutoff=0.5)
    hint = f"near to it: {', '.join(near)}; " if near else ""
    raise VstError(f"no plug-in is called {wish.plugin!r}; {hint}`taraf vst scan` looks for more")


def _standing(found: Found, wish: Wish) -> Standing:
    """Where the parameters stand in the state wished for: a throw-away process tells."""
    if wish.program and not os.path.isfile(wish.program_file):
        raise VstError(f"{wish.program_file}: there is no such file; `program` is a .vstpreset")
    told = _told(found, wish.state, wish.program_file, STANDARD_RATES)
    return Standing(found, tuple(told["raws"]), dict(told["latency"]))


def latency_at(standing: Standing, rate: int, state: str, program: str) -> int:
    """Frames of the plug-in's own latency at a sample rate (Hz), in a state; raises VstError."""
    known = {**standing.found.latency, **standing.latency}
    if str(rate) in known:
        return known[str(rate)]
    if len(set(known.values())) == 1:
        return next(iter(known.values()))  # counted in samples, as most are
    return int(_told(standing.found, state, program, (rate,))["latency"][str(rate)])


def _told(found: Found, state: str, program: str, rates: tuple[int, ...]) -> dict[str, Any]:
    """What a process that loaded the plug-in in a state learnt; kept like a scan."""
    request = {
        "do": "stand",
        "path": str(found.path),
        "part": found.part,
        "state": state,
        "program": program,
        "rates": rates,
        "channels": found.channels[0],
        "instrument": found.instrument,
    }
    stamps = [folders.stamp(found.path), folders.stamp(Path(program)) if program else None]
    digest = hashlib.sha256(json.dumps([request, stamps, cache.host()]).encode()).hexdigest()
    file = folders.cache() / "states" / f"{digest[:24]}.json"
    try:
        known = json.loads(file.read_text())
        return {"raws": list(known["raws"]), "latency": dict(known["latency"])}
    except (OSError, ValueError, KeyError, TypeError):
        outcome = attempt(request)
    if not outcome.plugins:
        reason = outcome.refused[0][1] if outcome.refused else "said nothing"
        raise VstError(f"{found.path}: {reason}")
    folders.keep(file, json.dumps(outcome.plugins[0]))
    return outcome.plugins[0]


__all__ = ["Standing", "Wish", "find", "latency_at", "stand"]
