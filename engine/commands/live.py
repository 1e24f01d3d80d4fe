"""taraf live, attach, stop: play."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from engine.commands import options
from engine.commands.following import follow, tell

DEVICE_HELP = "Part of a device's name, an index, 'default', or 'virtual' (built in)."


WEB_PORT = 8470
TAKES = Path("takes")


def live(
    presets: Annotated[
        list[str] | None,
        typer.Argument(help="Presets by name or file, in the order of the set list; else clean."),
    ] = None,
    setlist: Annotated[
        str | None, typer.Option(help="A set list of yours by name, or a file that is one.")
    ] = None,
    model: options.Model = None,
    channel: options.Channel = None,
    levels: options.Levels = None,
    tanh: options.Tanh = None,
    core_compatible: options.CoreCompatible = False,
    device: Annotated[str | None, typer.Option(help=DEVICE_HELP)] = None,
    rate: Annotated[int, typer.Option(min=8000, max=192000, help="Frames a second.")] = 48000,
    block: Annotated[int, typer.Option(min=16, max=8192, help="Frames a block.")] = 64,
    seconds: Annotated[
        float | None, typer.Option(min=0.0, max=604800.0, help="Stop after this long.")
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Record dry and wet into this folder.", rich_help_panel="Recording"),
    ] = None,
    record_format: Annotated[
        str, typer.Option(help="wav (float) or flac (24 bit).", rich_help_panel="Recording")
    ] = "wav",
    input: Annotated[
        Path | None,
        typer.Option(help="What the virtual device plays, looped, instead of its guitar."),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="lane.plugin.param=value; may be repeated.")
    ] = None,
    fast: Annotated[
        bool, typer.Option(help="Virtual device only: as fast as possible, not in real time.")
    ] = False,
    takes: Annotated[
        Path,
        typer.Option(
            help="Where the record key, pedal or button puts its takes.",
            rich_help_panel="Recording",
        ),
    ] = TAKES,
    web: Annotated[
        bool,
        typer.Option(
            "--web",
            help="The rack on a page in a browser, on this machine only.",
            rich_help_panel="Page",
        ),
    ] = False,
    web_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help=f"Its port, {WEB_PORT} if left out; implies --web.",
            rich_help_panel="Page",
        ),
    ] = None,
    lan: Annotated[
        bool,
        typer.Option(
            "--lan",
            help="--web for phones and tablets here; shows a code to pair.",
            rich_help_panel="Page",
        ),
    ] = False,
    open_: Annotated[
        bool, typer.Option("--open", help="Open the page in the browser.", rich_help_panel="Page")
    ] = False,
    midi: Annotated[
        list[str] | None,
        typer.Option(
            help="Part of a MIDI input's name, or all; may be repeated.",
            rich_help_panel="MIDI",
        ),
    ] = None,
    midi_port: Annotated[
        bool,
        typer.Option(
            "--midi-port",
            help="A MIDI input of our own that others play into.",
            rich_help_panel="MIDI",
        ),
    ] = False,
    midi_feedback: Annotated[
        list[str] | None,
        typer.Option(
            help="MIDI outputs whose LEDs and faders follow the knobs.", rich_help_panel="MIDI"
        ),
    ] = None,
    midi_clock: Annotated[
        list[str] | None,
        typer.Option(
            help="MIDI outputs that get our clock; taraf is our own.", rich_help_panel="MIDI"
        ),
    ] = None,
    no_midi_clock_in: Annotated[
        bool,
        typer.Option(
            "--no-midi-clock-in",
            help="MIDI clock that comes in is ignored.",
            rich_help_panel="MIDI",
        ),
    ] = False,
    notes_out: Annotated[
        list[str] | None,
        typer.Option(
            help="MIDI outputs that get the notes that plugins make; taraf is our own.",
            rich_help_panel="MIDI",
        ),
    ] = None,
    no_program_change: Annotated[
        bool,
        typer.Option(
            "--no-program-change", help="Program changes select no preset.", rich_help_panel="MIDI"
        ),
    ] = False,
    pickup: Annotated[
        bool,
        typer.Option(
            "--pickup",
            help="Learnt controllers act once they reach the knob.",
            rich_help_panel="MIDI",
        ),
    ] = False,
    learn_into_preset: Annotated[
        bool,
        typer.Option(
            "--learn-into-preset",
            help="What is learnt belongs to the preset, not to all.",
            rich_help_panel="MIDI",
        ),
    ] = False,
    osc: Annotated[
        str | None,
        typer.Option(metavar="[HOST:]PORT", help="Listen for OSC.", rich_help_panel="OSC and Link"),
    ] = None,
    osc_to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Tell this OSC surface of every change.",
            rich_help_panel="OSC and Link",
        ),
    ] = None,
    osc_allow: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="Who may send OSC from another machine.",
            rich_help_panel="OSC and Link",
        ),
    ] = None,
    beat_ahead: Annotated[
        float,
        typer.Option(
            min=0.0,
            max=500.0,
            metavar="MS",
            help="/pulse/beat is sent so long before the beat that a follower hears coming.",
            rich_help_panel="OSC and Link",
        ),
    ] = 100.0,
    link: Annotated[
        bool,
        typer.Option(
            "--link", help="Share tempo and beat with Ableton Link.", rich_help_panel="OSC and Link"
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object at the end.")
    ] = False,
) -> None:
    """Play through a preset, or a set list of them, live.

    Example: taraf live crunch --device "USB Audio" --block 64 --record takes/

    Example: taraf live clean crunch lead --web --midi all

    Example: taraf live --model "My Amp.nam" --levels normalized
    """
    from engine import playing
    from engine.control.surfaces import Wanted, connected

    if record is None:
        _check_takes(takes)
    _let_go()
    paths = options.set_list(presets or [], setlist, model)
    rack, warnings = options.rack_for(
        str(paths[0]) if paths else None, model, channel, levels, tanh, core_compatible,
        set_ or [], "normalised",
    )  # fmt: skip
    others, said = options.others_for(paths[1:], levels, tanh, core_compatible)
    warnings = (*warnings, *said)
    wanted = Wanted(
        midi=tuple(midi or ()),
        midi_port=midi_port,
        midi_feedback=tuple(midi_feedback or ()),
        midi_clock=tuple(midi_clock or ()),
        midi_clock_in=not no_midi_clock_in,
        notes_out=tuple(notes_out or ()),
        beat_ahead_ms=beat_ahead,
        program_change=not no_program_change,
        pickup=pickup,
        learn_into_preset=learn_into_preset,
        osc=osc or "",
        osc_to=tuple(osc_to or ()),
        osc_allow=tuple(osc_allow or ()),
        link=link,
        web=_port(web_port, web or lan or open_),
        lan=lan,
        open=open_,
    )
    plan = playing.plan(
        rack,
        warnings,
        device=device,
        rate=rate,
        block=block,
        seconds=seconds,
        input=input,
        fast=fast,
        record=record is not None,
        path=paths[0] if paths else None,
        others=others,
    )
    hear = options.compiling(as_json)
    with (
        playing.session(plan, record, record_format, hear, takes) as session,
        connected(session.desk, wanted) as surfaces,
        suppress(KeyboardInterrupt),
    ):
        for line in surfaces.told:
            typer.echo(line, err=True)
        follow(session, quiet=as_json)
    tell(session.result, as_json)


def _port(given: int | None, wanted: bool) -> int | None:
    """The page's port, or None where no page is asked for."""
    if given is not None:
        return given
    return WEB_PORT if wanted else None


def _check_takes(folder: Path) -> None:
    """Raise RecorderError if what is to hold the takes is a file: told before a note is played."""
    from engine.recorder import RecorderError

    if folder.exists() and not folder.is_dir():
        raise RecorderError(f"--takes {folder}: is not a folder")


def _let_go() -> None:
    """A terminal that closes ends the window alone, and at once: the sound goes on."""
    hangup = getattr(signal, "SIGHUP", None)
    if hangup is not None and callable(signal.getsignal(hangup)):  # not where it is ignored
        signal.signal(hangup, signal.SIG_DFL)


def attach(
    pid: Annotated[
        int | None, typer.Argument(help="The audio process; the only one if left out.")
    ] = None,
    takes: Annotated[Path, typer.Option(help="Where the record key puts its takes.")] = TAKES,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object at the end.")
    ] = False,
) -> None:
    """Take over a rack that goes on sounding after its window died.

    Its knobs, keys and takes are yours again; the rest of a set list, the page, MIDI and OSC
    ended with the window.
    """
    from engine import playing
    from engine.control.surfaces import Wanted, connected

    _let_go()
    _check_takes(takes)
    with (
        playing.adopt(pid, takes) as session,
        connected(session.desk, Wanted()),
        suppress(KeyboardInterrupt),
    ):
        follow(session, quiet=as_json)
    tell(session.result, as_json)


def stop() -> None:
    """Stop every rack of yours that is sounding."""
    from engine import playing

    count = playing.stop_all()
    typer.echo(f"stopped {count}" if count else "nothing is sounding")


__all__ = ["attach", "live", "stop"]
