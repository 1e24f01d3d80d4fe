"""What a pair and a capture cost: seconds of a core and bytes, for the plan on paper."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from models.bench.cluster.material import dry
from models.cluster.here import Here
from models.cluster.sweep.run import Running
from models.cluster.sweep.spec import read_sweep
from models.pairs.discover import found
from models.pairs.render import Work, render

if TYPE_CHECKING:
    from engine.bench import Report

CHAINS = {
    "a distortion": "pedalboard:Distortion",
    "a distortion and a reverb": "pedalboard:Distortion|pedalboard:Reverb",
}
VST = "ZamTube.vst3"
STEPS = 60
CAPTURES = {"an LSTM": "lstm", "a WaveNet (A2)": "wavenet-a2", "a state space": "ssm"}
CAPTURE = """
[sweep]
trainer = "effect"
data = "{data}"
method = "grid"
steps = {steps}

[params]
arch = ["{arch}"]
"""


def run(report: Report) -> None:
    """Seconds of pairs by effects of different weight, and of an update by networks."""
    with tempfile.TemporaryDirectory(prefix="taraf-", dir="/tmp") as made:
        folder = Path(made)
        source = dry(folder / "dry", 6, 5.0)
        chains = dict(CHAINS)
        tube = next((path for path in found()["plugins"] if Path(path).name == VST), None)
        for name, chain in chains.items():
            _pair(report, folder, source, name, chain, "drive_db=0:30:4")
        if tube:
            _pair(report, folder, source, "ZamTube, a VST3", tube, "tube_drive=1:8:2")
        size = next((folder / "a-distortion" / "wet").glob("*.wav")).stat().st_size
        report.add("costs: a wet file of 5 s", size / 1e6, "MB")
        for name, arch in CAPTURES.items():
            _capture(report, folder, name, arch)


def _pair(report: Report, folder: Path, source: Path, name: str, chain: str, grid: str) -> None:
    from models.pairs import spec
    from models.pairs.effect import Effect

    seconds: list[float] = []

    class Timed(Here):
        def run(self, *given, **more):  # type: ignore[no-untyped-def]
            for outcome in super().run(*given, **more):
                if outcome.unit.writes:
                    seconds.append(outcome.seconds)
                yield outcome

    what = Effect(spec.parse_chain(chain), grid=spec.parse_grid([grid]))
    render(source, folder / name.replace(" ", "-"), what, Work(1, on=Timed(1)))
    seconds.sort()
    report.add(
        f"costs: a pair of 5 s through {name}", 1e3 * seconds[len(seconds) // 4], "ms of a core"
    )


def _capture(report: Report, folder: Path, name: str, arch: str) -> None:
    file = folder / f"{arch}.toml"
    file.write_text(CAPTURE.format(data=folder / "a-distortion", steps=STEPS, arch=arch))
    summary = Running(read_sweep(file), folder / "runs" / arch, Here(1)).run()
    part = summary.best.part
    report.add(f"costs: an update of {name}", 1e3 * part.cpu_seconds / part.steps, "ms of a core")


__all__ = ["run"]
