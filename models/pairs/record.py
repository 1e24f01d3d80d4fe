"""Plays dry sounds through a real device and keeps what it returns as pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from models.pairs import manifest, take
from models.pairs.duplex import devices_of, duplex
from models.pairs.errors import PairsError
from models.pairs.manifest import Entry, Header
from models.pairs.render import pair_name
from models.pairs.sources import Source, gather
from models.pairs.stages import Audio
from models.pairs.take import LEAD_S, Session
from models.pairs.wav import wav_bytes, write_whole

Told = Callable[[int, int], None]


def record(dry: Path, out: Path, session: Session, told: Told | None = None) -> dict[str, Any]:
    """Record the return of every dry sound into ``out``; what came of it, and warnings.

    Raises PairsError, and DeviceError for the audio interface. Nothing is written of a take that
    went wrong.
    """
    _refuse_other(out, session)
    devices_of(session)  # a mistake is found before a dry sound is brought
    sources = gather(dry, out)
    rate = sources[0].rate
    _refuse_other(out, session, rate)
    sounds = [soundfile.read(out / s.file, dtype="float32")[0] for s in sources]
    played = take.sheet(sounds, rate, session.level_db)
    returned, flags = duplex(played.sound, rate, session, told)
    heard = take.round_trip(played, returned)
    trip = heard if session.latency is None else session.latency
    _write(out, sources, played, returned, trip, session)
    still = returned[: round(0.9 * LEAD_S * rate)]
    return {
        "pairs": len(sources),
        "round_trip_frames": trip,
        "peak_db": 20.0 * float(np.log10(np.abs(returned).max() + 1e-10)),
        "noise_db": take.level_db(still),
        "warnings": take.warnings(played, returned, heard, flags),
    }


def _refuse_other(out: Path, session: Session, rate: int = 0) -> None:
    if out.exists() and not out.is_dir():
        raise PairsError(f"{out}: it is a file; pairs go into a folder")
    path = out / manifest.NAME
    if not path.is_file():
        return
    header, entries = manifest.read(out)
    if "recorded" not in header.effect:
        raise PairsError(f"{path}: these pairs were not recorded; take another folder")
    if rate and header.sample_rate != rate:
        raise PairsError(f"{path}: these pairs have {header.sample_rate} Hz, the dry {rate} Hz")
    if entries and set(entries[0].knobs) != set(session.knobs):
        has = ", ".join(entries[0].knobs) or "no knobs"
        raise PairsError(f"{path}: these pairs tell {has}; --set must tell the same")


def _write(
    out: Path, sources: list[Source], played: take.Sheet, returned: Audio, trip: int,
    session: Session,
) -> None:  # fmt: skip
    entries = []
    for source, start in zip(sources, played.starts, strict=True):
        wet = returned[start + trip : start + trip + source.frames]
        if len(wet) < source.frames:
            raise PairsError(f"--latency {trip} is longer than the recording goes on")
        name = pair_name(source.name, dict(session.knobs))
        write_whole(out / "wet" / f"{name}.wav", wav_bytes(wet, source.rate))
        entries.append(
            Entry(
                id=name,
                dry=source.file,
                wet=f"wet/{name}.wav",
                split=source.split,
                knobs=dict(session.knobs),
                frames=source.frames,
                latency_removed=trip,
                sha256_dry=source.sha256,
                sha256_wet=manifest.sha256(out / "wet" / f"{name}.wav"),
            )
        )
    if (out / manifest.NAME).is_file():
        manifest.mend(out)
        manifest.append(out, *entries)
        return
    effect = {"recorded": session.device, "level_db": session.level_db}
    late = {"late": True} if session.latency is not None else {}
    manifest.rewrite(out, Header(played.rate, {**effect, **late}), entries)
