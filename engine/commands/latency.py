"""taraf latency: how late the sound really is, and what of that is the buffer's doing."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from engine.latency import Cost, RoundTrip

WARNING = (
    "this plays a loud click twice a second: turn loudspeakers off and take headphones off, "
    "and plug a cable from output 1 to input 1"
)
PAUSE_SECONDS = 3
OTHERS = (16, 32, 64, 128, 256, 512, 1024)
FEEL = (
    (4.0, "as if the amplifier stood beside you"),
    (8.0, "as on a small stage: hardly anybody notices"),
    (12.0, "as across a rehearsal room: a quick player begins to notice"),
    (25.0, "as from the other end of a stage: it drags"),
)
"""Up to so many ms, and what it is like."""


def latency(
    device: Annotated[
        str | None, typer.Option(help="Part of a device's name, an index, or 'default'.")
    ] = None,
    block: Annotated[
        list[int] | None,
        typer.Option(min=16, max=8192, help="Frames a block (64); may be repeated to compare."),
    ] = None,
    rate: Annotated[int, typer.Option(min=8000, max=192000, help="Frames a second.")] = 48000,
    seconds: Annotated[
        float, typer.Option(min=1.0, max=600.0, help="How long to listen, each block size.")
    ] = 5.0,
    yes: Annotated[bool, typer.Option("--yes", help="Play at once, without a pause.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure the round trip through a cable (or JACK), and what the buffer costs.

    Example: taraf latency --device "USB Audio" --block 32 --block 64 --block 128
    """
    from engine.latency import cost, measure, real_device
    from engine.stream import DeviceChoice

    name = real_device(device)
    _warn(wait=not yes and not as_json and sys.stderr.isatty())
    choices = [DeviceChoice(name, rate, size) for size in dict.fromkeys(block or [64])]
    try:
        trips = [measure(choice, seconds, _progress) for choice in choices]
    finally:
        _progress("")
    found = cost(trips)
    if as_json:
        typer.echo(json.dumps(_document(trips, found)))
    else:
        _explain(trips, found)


def _warn(wait: bool) -> None:
    typer.secho(f"Careful: {WARNING}.", fg=typer.colors.YELLOW, err=True)
    for left in range(PAUSE_SECONDS if wait else 0, 0, -1):
        _progress(f"starting in {left} s; Ctrl-C to stop")
        time.sleep(1)


def _progress(text: str) -> None:
    """One line that is written over; nothing where nobody would see it move."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _facts(frames: float, rate: int) -> dict[str, float]:
    from engine.latency import metres

    ms = 1000.0 * frames / rate
    return {"frames": round(frames, 1), "ms": round(ms, 3), "metres": round(metres(ms), 2)}


def _measured(trip: RoundTrip, found: Cost) -> dict[str, Any]:
    buffer = min(found.buffers * trip.block, trip.frames)
    return {
        "block": trip.block,
        **_facts(trip.frames, trip.rate),
        "spread_frames": trip.spread_frames,
        "impulses_sent": trip.sent,
        "impulses_back": len(trip.delays),
        "level_db": trip.level_db,
        "driver_says_frames": trip.driver_frames,
        "driver_says_ms": round(1000.0 * trip.driver_frames / trip.rate, 3),
        "buffer_frames": round(buffer, 1),
        "rest_frames": round(trip.frames - buffer, 1),
        "buffer_percent": round(100.0 * buffer / trip.frames, 1) if trip.frames else 0.0,
        "blocks": trip.blocks,
        "blocks_due": trip.blocks_due,
    }


def _document(trips: list[RoundTrip], found: Cost) -> dict[str, Any]:
    """Everything that is said, for a program; what was computed stands apart."""
    first, sizes = trips[0], {trip.block for trip in trips}
    return {
        "device": first.device,
        "rate": first.rate,
        "loopback": "jack" if first.plugged else "cable",
        "jack_period": first.period,
        "measured": [_measured(trip, found) for trip in trips],
        "computed": [
            {"block": size, **_facts(max(found.frames(size), 0.0), first.rate)}
            for size in OTHERS
            if size not in sizes
        ],
        "buffers": round(found.buffers, 3),
        "buffers_measured": found.fitted,
        "rest_frames": round(found.rest, 1),
    }


def _explain(trips: list[RoundTrip], found: Cost) -> None:
    document = _document(trips, found)
    typer.echo(f"{document['device']} at {document['rate']} Hz")
    for row in document["measured"]:
        _say(row, document["loopback"] == "jack")
    typer.echo(_whose(found, trips[0]))
    typer.echo("Other block sizes, computed from that" + _on_jack(trips[0]) + ":")
    rows = [{**row, "how": "measured"} for row in document["measured"]]
    rows += [{**row, "how": "computed"} for row in document["computed"]]
    for row in sorted(rows, key=lambda one: int(one["block"])):
        typer.echo(
            f"{row['block']:6} frames  {row['ms']:7.2f} ms  {row['metres']:5.2f} m  {row['how']}"
        )


def _on_jack(trip: RoundTrip) -> str:
    if not trip.period:
        return ""
    if trip.period == trip.block:
        return f" (start JACK with that block as well; it runs with -p {trip.period})"
    return f"; JACK runs with -p {trip.period}, and --block {trip.period} is best for it"


def _say(row: dict[str, Any], plugged: bool) -> None:
    typer.echo(
        f"block {row['block']}: {row['frames']:g} frames = {row['ms']:.2f} ms from output to "
        f"input, spread {row['spread_frames']} frames, {row['impulses_back']} of "
        f"{row['impulses_sent']} impulses came back at {row['level_db']:.0f} dB"
    )
    typer.echo(
        f"  like standing {row['metres']:.1f} m from a loudspeaker; {feel(float(row['ms']))}\n"
        f"  the driver says {row['driver_says_frames']} frames = {row['driver_says_ms']:.2f} ms\n"
        f"  the buffer's share is {row['buffer_percent']:.0f} %"
        + ("; this was JACK's own loop-back, without converters" if plugged else "")
    )
    if row["level_db"] > -1.0:
        typer.echo("  the input is too loud: turn its gain down")
    if row["spread_frames"]:
        typer.echo("  it was not the same each time: blocks were late, or the clocks are not one")
    if row["blocks"] < row["blocks_due"]:
        late = row["blocks_due"] - row["blocks"]
        typer.echo(f"  {late} of {row['blocks_due']} blocks were late: take a larger block")


def _whose(found: Cost, trip: RoundTrip) -> str:
    """What the buffer costs, what it does not, and what half of it would save."""
    how = (
        "measured over these block sizes"
        if found.fitted
        else "taken for granted; give --block twice to measure it"
    )
    who = "JACK, converters and driver" if trip.period else "converters and driver"
    saved = 1000.0 * found.buffers * trip.block / 2 / trip.rate
    return (
        f"The buffer holds {found.buffers:g} blocks ({how}); {who} add "
        f"{max(1000.0 * found.rest / trip.rate, 0.0):.2f} ms, which no --block takes away.\n"
        f"Half of {trip.block} frames would save {saved:.2f} ms (computed)."
    )


def feel(ms: float) -> str:
    """What a round trip of ``ms`` is like to play with."""
    for most, words in FEEL:
        if ms <= most:
            return words
    return "too late to play by: take a smaller block, or another driver"


__all__ = ["latency"]
