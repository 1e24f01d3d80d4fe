"""taraf train pulse: the network that hears beats, from drummers' takes."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.jobs import progress, stretch


def pulse(
    data: Annotated[
        Path,
        typer.Option(help="Folder with gmd (Groove MIDI Dataset) and jtd (Jazz Trio Database)."),
    ],
    name: Annotated[str, typer.Option(help="What the network's folder is called.")] = "pulse",
    minutes: Annotated[
        float, typer.Option(min=0.01, max=10_000.0, help="Of training, for each member.")
    ] = 32.0,
    members: Annotated[
        int, typer.Option(min=1, max=16, help="Networks whose answers are averaged.")
    ] = 2,
    scenes: Annotated[
        int, typer.Option(min=12, max=100_000, help="Of 45 s; made once and kept in --runs.")
    ] = 1536,
    font: Annotated[
        list[Path] | None,
        typer.Option(help="A sound font for the drums; may be repeated. FluidR3_GM unless given."),
    ] = None,
    kit: Annotated[
        list[Path] | None,
        typer.Option(help="A sound font that is one drum kit, on its first channel."),
    ] = None,
    grooves: Annotated[
        list[Path] | None,
        typer.Option(
            help="A folder of MIDI grooves (drums on channel 10) to learn from as well, or of "
            "MMA's, which the program mma plays; may be repeated."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where the folder goes; here unless given.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder for scenes and checkpoints.")] = Path("runs"),
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="Of scenes and weights.")] = 1,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Processor cores to use.")] = 2,
    accelerator: Annotated[str, typer.Option(help="cpu or gpu.")] = "cpu",
    half: Annotated[
        bool, typer.Option("--half", help="Multiply in bfloat16: faster where the chip can.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Learn to hear beats from drummers, along tempi that move as people's do.

    Ctrl-C writes the best that was found so far where there is no network yet, and
    --resume goes on. Play it with the plugin pulse, network = its file.

    Example: taraf train pulse --data drums --minutes 60
    """
    from models.judging.errors import needed

    with needed("train"):
        import torch

        from models.effects.training.loop import interruptible
        from models.pulse.follower import material, training
        from models.pulse.follower.deploy import deploy
        from models.pulse.follower.grooves import gathered
        from models.pulse.follower.hearing import Kit
        from models.pulse.rendering import DEFAULT_FONT, check

    from engine.pulse.file import NAME
    from models.pulse.errors import PulseError

    if accelerator not in ("cpu", "gpu"):
        raise PulseError(f"accelerator = {accelerator} is none of cpu, gpu")
    if accelerator == "gpu" and not torch.cuda.is_available():
        raise PulseError("accelerator = gpu: torch finds no GPU here")
    torch.set_num_threads(threads)
    fonts = [Kit(path) for path in font or [DEFAULT_FONT]]
    kits = [*fonts * max(1, 2 * len(kit or ())), *(Kit(path, 0) for path in kit or ())]
    heard, players = material.players(data, development=True), material.players(data)
    check(kit.font for kit in kits)
    folder = runs / name
    with _bar() as bar:
        if grooves:
            tell_grooves = partial(_tell_share, bar, bar.add_task("grooves", total=1.0))
            library = gathered(grooves, folder / "grooves", threads, tell_grooves)
            players = replace(players, grooves=library)
        target = _made(out or Path(), name)
        key = "-".join(material.key_of(those, kits) for those in (players, heard))
        task = bar.add_task("scenes", total=scenes + DEVELOPMENT_SCENES)

        def tell_scenes(done: int) -> None:
            bar.update(task, completed=DEVELOPMENT_SCENES + done)
            progress(SCENES_SHARE * done / scenes, f"{done} of {scenes} scenes")

        developed = material.shards(folder / "dev", heard, DEVELOPMENT_SCENES, seed + 1, kits)[0]
        bar.update(task, completed=DEVELOPMENT_SCENES)
        learnt = material.shards(folder / "scenes", players, scenes, seed, kits, tell_scenes)
        trained = []
        with interruptible() as asked:  # scenes that are made are kept, so before it just ends
            for number in range(seed, seed + members):
                task = bar.add_task(f"member {number}", total=1.0)
                place = folder / f"member-{number}"
                known = resume and (place / training.CHECKPOINT).is_file()
                if resume and not known:
                    line = f"{place}: no checkpoint, member {number} begins anew"
                    bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
                begin, end = (
                    SCENES_SHARE + (1.0 - SCENES_SHARE) * (number - seed + k) / members
                    for k in range(2)
                )
                with stretch(begin, end):
                    trained.append(training.train(
                        learnt, developed, place, minutes, number, known, accelerator, half,
                        partial(_tell, bar, task), asked, key=key,
                    ))  # fmt: skip
                if asked:
                    break
    losses = [one.losses for one in trained]
    told: dict[str, Any] = {
        "command": shlex.join(["taraf", *sys.argv[1:]]),
        "data": "Groove MIDI Dataset 1.0.0 (CC BY 4.0), drummers 1, 2, 7, 8 (3, 6 to "
        "choose by), and patterns of our own; tempo curves of the Jazz Trio Database (MIT); "
        "rendered with FluidSynth",
        "grooves": len(players.grooves),
        "sounds": sorted({kit.font.name for kit in kits}),
        "scenes": scenes,
        "steps": sum(one.standing.step for one in trained),
        "seconds": round(sum(one.standing.seconds for one in trained)),
        "members": len(trained),
        "stopped": "interrupted" if asked else "budget",
        **{f"{key}_entropy": _mean([row[key] for row in losses]) for key in losses[0]},
    }
    file = target / NAME
    written = not (asked and file.is_file())
    if written:
        deploy([one.network for one in trained], target, "Hears beats of drummers", told)
    if as_json:
        typer.echo(json.dumps({"network": str(file), "written": written, **told}))
        return
    if asked:
        left = "the best so far is written" if written else f"{file} is kept as it was"
        typer.echo(f"stopped in member {len(trained)} of {members}: {left}; --resume goes on")
    if written:
        typer.echo(f"{file}: beat entropy {told['beat_entropy']:.4f} on drummers it chose by")


DEVELOPMENT_SCENES = 72
SCENES_SHARE = 0.2
"""Of the whole, as a job tells it; the members share the rest."""


def _made(out: Path, name: str) -> Path:
    """The folder that the network goes to, made before hours are spent; raises PulseError."""
    from models.pulse.errors import PulseError

    if Path(name).name != name or name in ("", ".."):
        raise PulseError(f"--name {name!r}: it is a folder's name, with no / in it; use --out")
    try:
        (out / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PulseError(f"--out {out / name}: cannot be made: {error.strerror}") from None
    return out / name


def _mean(values: list[float]) -> float:
    return float(f"{sum(values) / len(values):.4g}")


def _tell_share(bar: Any, task: Any, share: float) -> None:
    bar.update(task, completed=share)


def _tell(bar: Any, task: Any, share: float, line: str) -> None:
    bar.update(task, completed=share, description=line)
    progress(share, line)


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))


__all__ = ["pulse"]
