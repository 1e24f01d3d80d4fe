"""Renders dry sounds through an effect at every setting of its knobs, in worker processes."""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

from models.cluster.unit import File, Outcome, Unit
from models.pairs import manifest, spec
from models.pairs.effect import Effect, Pair, Summary, Work, program
from models.pairs.errors import PairsError
from models.pairs.manifest import Entry, Header
from models.pairs.sources import Source, gather
from models.pairs.wav import write_whole

FAILED = "failed.jsonl"
SAVE_EVERY_S = 0.5
CORNERS = 8  # settings that are looked at before anything is rendered
LONGEST_NAME = 120
ALIKE = 1e-4  # of the peak; what differs more between two starts is worth a word


Told = Callable[[int, int], None]  # pairs done, pairs in all


def render(
    dry: Path, out: Path, effect: Effect, work: Work | None = None, told: Told | None = None
) -> Summary:
    """Render every dry sound at every setting into the folder ``out``; raises PairsError.

    What a render that was stopped has done is kept. A pair whose plugin crashes, hangs or gives
    nonsense is listed in failed.jsonl; rendering again tries it again.
    """
    work = work or Work()
    began = time.perf_counter()
    refuse_other(out, effect, work)
    sources = gather(dry, out)
    header, warnings = _header(out, effect, work, sources[0].rate)
    done = _done(out, header, sources)
    units = list(_units(out, effect, sources, header, done))
    told = told or (lambda n, of: None)
    told(len(done), len(done) + len(units))
    (out / "wet").mkdir(exist_ok=True)
    entries, failed = _run(
        out, effect, header, units, work, lambda n: told(n, len(done) + len(units)), len(done)
    )
    seconds = time.perf_counter() - began
    _finish(out, effect, sources, failed)
    return Summary(
        len(entries),
        len(done),
        tuple((pair.id, why) for pair, why in failed),
        seconds,
        sum(entry.frames for entry in entries) / sources[0].rate,
        int(header.effect["found"]["late"] + header.effect["found"]["reported"]),
        tuple(warnings),
    )


def refuse_other(out: Path, effect: Effect, work: Work) -> None:
    """Raise PairsError if ``out`` holds pairs of another effect, before anything is written."""
    path = out / manifest.NAME
    if out.exists() and not out.is_dir():
        raise PairsError(f"{out}: it is a file; pairs go into a folder")
    if not path.is_file() or not work.resume:
        return
    header, _ = manifest.read(out)
    wanted = json.loads(json.dumps(effect.document()))
    if {**header.effect, "found": None} != {**wanted, "found": None}:
        raise PairsError(
            f"{path}: these pairs are of another effect or other settings; take another folder, "
            "or --no-resume to render over them"
        )


def _header(out: Path, effect: Effect, work: Work, rate: int) -> tuple[Header, list[str]]:
    """The header that is there or a new one, and what to warn of."""
    if work.resume and (out / manifest.NAME).is_file():
        header, _ = manifest.read(out)
        if header.sample_rate != rate:
            raise PairsError(
                f"{out / manifest.NAME}: these pairs have {header.sample_rate} Hz, "
                f"the dry sounds have {rate} Hz"
            )
        manifest.mend(out)
        return header, []
    found, warnings = _examine(effect, work, rate)
    header = Header(rate, {**effect.document(), "found": found})
    manifest.rewrite(out, header, [])
    return header, warnings


def _examine(effect: Effect, work: Work, rate: int) -> tuple[dict[str, Any], list[str]]:
    """Latency and repeatability, from some settings; PairsError if none of them works.

    The latency of all pairs is the smallest that was found: what a knob changes is no latency.
    """
    ends = [sorted({knob.values[0], knob.values[-1]}) for knob in effect.grid]
    names = [knob.name for knob in effect.grid]
    corners = [dict(zip(names, at, strict=True)) for at in product(*ends)][:CORNERS]
    values = effect.anywhere.values
    units = [
        Unit(
            f"examine-{number}",
            {"do": "examine", "values": {**values, **corner}, "rate": rate},
        )
        for number, corner in enumerate(corners)
    ]
    outcomes = list(work.executor.run(program(effect, work, fresh=True), units))
    asked = [outcome for outcome in outcomes if outcome.asked]
    answers = [outcome.answer for outcome in outcomes if not outcome.error]
    if asked or not answers:
        worst = (asked or outcomes)[0]
        target = effect.stages[0].target if len(effect.stages) == 1 else "the chain"
        raise PairsError(worst.error if asked else f"{target}: {worst.error}")
    return _found(effect, answers)


def _found(effect: Effect, answers: list[dict[str, Any]]) -> tuple[dict[str, Any], list[str]]:
    warnings = []
    heard = [answer["late"] for answer in answers if answer["late"] is not None]
    late: int = min(heard, default=0, key=abs)
    if effect.latency == "auto" and not heard:
        warnings.append(
            "nothing is heard within 50 ms, which is taken as the effect's own delay; "
            "--latency FRAMES says otherwise"
        )
    if effect.latency != "auto":
        late = 0 if effect.latency == "reported" else int(effect.latency)
    differs = max(answer["differs"] for answer in answers)
    if differs > ALIKE:
        warnings.append(
            f"the effect is never quite the same twice: {20 * math.log10(differs):.0f} dB of its "
            "peak between two fresh starts"
        )
    fresh = not all(answer["reset"] for answer in answers)
    reported = min(answer["reported"] for answer in answers)
    return {"late": late, "reported": reported, "fresh": fresh}, warnings


def _done(out: Path, header: Header, sources: list[Source]) -> dict[str, Entry]:
    """The pairs that need not be rendered again: listed, there, and of the same dry sound."""
    _, entries = manifest.read(out)
    hashes = {source.file: source.sha256 for source in sources}
    return {
        entry.id: entry
        for entry in entries
        if hashes.get(entry.dry) == entry.sha256_dry and (out / entry.wet).is_file()
    }


def _units(
    out: Path, effect: Effect, sources: list[Source], header: Header, done: dict[str, Entry]
) -> Iterator[Pair]:
    """What is left to do, all of one setting together, so that a worker need not load again."""
    for part in (out / "wet").glob(".*.part"):  # of whoever was killed
        part.unlink(missing_ok=True)
    place, values = out.absolute(), effect.anywhere.values
    for knobs in spec.settings(effect.grid):
        for source in sources:
            name = pair_name(source.name, knobs)
            if name not in done:
                dry, wet = str(place / source.file), str(place / "wet" / f"{name}.wav")
                task = {
                    "do": "render",
                    "dry": dry,
                    "wet": wet,
                    "values": {**values, **knobs},
                    "late": header.effect["found"]["late"],
                }
                read = {"dry": File(dry, source.sha256)}
                yield Pair(name, task, read, {"wet": wet}, source=source, knobs=knobs)


def pair_name(dry: str, knobs: dict[str, float]) -> str:
    """What a pair and its wet file are called."""
    words = [f"{re.sub(r'[^A-Za-z0-9.]+', '-', name)}={value:g}" for name, value in knobs.items()]
    name = "_".join([dry, *words])
    if len(name) > LONGEST_NAME:
        digest = hashlib.sha256(name.encode()).hexdigest()[:12]
        name = f"{name[: LONGEST_NAME - 13]}-{digest}"
    return name


def _run(
    out: Path, effect: Effect, header: Header, units: list[Pair], work: Work,
    told: Callable[[int], None], kept: int,
) -> tuple[list[Entry], list[tuple[Pair, str]]]:  # fmt: skip
    """Work off the units. What is done is in the manifest at the latest half a second after."""
    entries: list[Entry] = []
    failed: list[tuple[Pair, str]] = []
    saved, last = 0, time.monotonic()
    renderer = program(effect, work, header.effect["found"]["fresh"])
    outcomes = work.executor.run(renderer, units)
    try:
        for count, outcome in enumerate(outcomes, start=kept + 1):
            pair = outcome.unit
            assert isinstance(pair, Pair)
            if outcome.error:
                failed.append((pair, outcome.error))
            else:
                entries.append(_entry(pair, outcome))
            if time.monotonic() - last > SAVE_EVERY_S:
                manifest.append(out, *entries[saved:])
                saved, last = len(entries), time.monotonic()
            told(count)
    finally:
        with suppress(RuntimeError):
            outcomes.close()  # type: ignore[attr-defined]
        manifest.append(out, *entries[saved:])
    return entries, failed


def _entry(pair: Pair, outcome: Outcome) -> Entry:
    assert pair.source is not None
    return Entry(
        id=pair.id,
        dry=pair.source.file,
        wet=f"wet/{pair.id}.wav",
        split=pair.source.split,
        knobs=pair.knobs,
        frames=pair.source.frames,
        latency_removed=outcome.answer["latency"],
        sha256_dry=pair.source.sha256,
        sha256_wet=outcome.answer["sha256"],
    )


def _finish(
    out: Path, effect: Effect, sources: list[Source], failed: list[tuple[Pair, str]]
) -> None:
    """Bring the manifest into the order of the settings, and list what failed."""
    header, entries = manifest.read(out)
    names = [pair_name(s.name, knobs) for knobs in spec.settings(effect.grid) for s in sources]
    place = {name: number for number, name in enumerate(names)}
    lost = {pair.id for pair, _ in failed}
    entries = [e for e in entries if e.id not in lost and (out / e.wet).is_file()]
    manifest.rewrite(out, header, sorted(entries, key=lambda e: place.get(e.id, len(place))))
    if not failed:
        (out / FAILED).unlink(missing_ok=True)
        return
    lines = (
        json.dumps({"id": pair.id, "knobs": pair.knobs, "reason": why}) for pair, why in failed
    )
    write_whole(out / FAILED, "".join(f"{line}\n" for line in lines).encode())


__all__ = ["Effect", "Summary", "Work", "pair_name", "refuse_other", "render"]
