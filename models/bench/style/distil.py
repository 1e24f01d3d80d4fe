"""The model ``glass-live``, a style distilled: cost, latency, late blocks, how near it comes."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

import models
from engine import preset
from engine.artefact import open_artefact
from engine.bench import Report
from engine.bench.parts import Missing
from engine.rack import Lane, Link, Rack
from engine.render import Renderer
from models.bench.sampler.guitar import RATE, performance
from models.bench.style.live import compared, counts, without
from models.bench.style.sources import excerpt
from models.bench.style.telling import say
from models.replay import replay
from models.style.distil.losses import Goal, Reached
from models.style.distil.settings import RATE as OWN_RATE
from models.style.material import Material, equalised, long_term
from models.style.settings import Settings
from models.style.sound import at_rate, read
from models.style.transfer import Transfer

MODEL, PRESET = "glass-live", "glass-live"
BLOCK, REPEATS, SECONDS = 64, 5, 4.0
MOST_MS, MOST_PERCENT = 50.0, 25.0
CONTENTS = "guitar", "electric piano", "strings", "piano", "trumpet", "song", "tabla"
ZOO = Path(models.__file__).parent / "zoo"

Sound = npt.NDArray[np.float32]


def run(report: Report) -> None:
    """Add rows of the model that comes with taraf, on recordings it has not heard."""
    if not (ZOO / MODEL / "model.toml").is_file():
        raise Missing(f"needs the model {MODEL} in the zoo")
    wanted = preset.load(preset.shipped_folder() / f"{PRESET}.toml").rack
    sound, _ = performance(2, 1.0)
    percent, late_ms = _cost(sound[: round(SECONDS * RATE)])
    report.add("one core, 48 kHz, 64 frames", percent, "%", f"at most {MOST_PERCENT:g} %",
               percent <= MOST_PERCENT)  # fmt: skip
    report.add("latency at 48 kHz", late_ms, "ms", f"at most {MOST_MS:g} ms", late_ms <= MOST_MS)
    where, _, ours, bare = compared(wanted, without(wanted, "model"), sound)
    counts(report, where, ours, bare, "the model")
    _near(report)


def _cost(sound: Sound) -> tuple[float, float]:
    """CPU seconds for a second of sound in percent, the least of some; latency in ms."""
    link = Link("model", "model", {}, {"model": MODEL})
    found, late = [], 0
    for _ in range(REPEATS):
        renderer = Renderer(Rack("one", lanes=(Lane("a", "left", (link,)),)), RATE, 1, BLOCK)
        renderer.push(sound[: RATE // 2, None])
        began = time.process_time()
        renderer.push(sound[RATE // 2 :, None])
        found.append(time.process_time() - began)
        late = renderer.table.latency
        renderer.finish()
    seconds = len(sound) / RATE - 0.5
    return 100.0 * min(found) / seconds, 1000.0 * late / RATE


def _near(report: Report) -> None:
    """What is left of the way to the style: by a filter, by the model, by a transfer."""
    goal = Goal(at_rate(read(ZOO / "glass" / "style.flac"), OWN_RATE))
    artefact = open_artefact(ZOO / MODEL)
    power = long_term(goal.ear, [goal.views], [1.0])
    rows: dict[str, list[Reached]] = {"filter": [], "model": [], "transfer": []}
    for name in CONTENTS:
        content = at_rate(excerpt(name), OWN_RATE)
        material = Material(content, [goal.recording], Settings(rate=OWN_RATE, device="cpu"))
        transfer = Transfer(material)
        transfer.run()
        dry = material.content[0]
        made = {
            "filter": equalised(dry[None], goal.ear, power)[0],
            "model": torch.from_numpy(replay(artefact, dry.numpy())),
            "transfer": transfer.best[0],
        }
        for way, sound in made.items():
            rows[way].append(goal.reached(sound[None], dry[None]))
        told = ", ".join(f"{way} {100.0 * rows[way][-1].style:.1f} %" for way in made)
        say(f"{name}: left of the way to the style: {told}")
    for way, words in (
        ("filter", "one fixed filter for each"),
        ("model", "the model"),
        ("transfer", "the transfer, 100 iterations"),
    ):
        left, onsets, pitch = (
            float(np.median([getattr(each, part) for each in rows[way]]))
            for part in ("style", "onsets", "pitch")
        )
        report.add(f"left of the way to the style, {words}", 100.0 * left, "%")
        report.add(f"onsets kept, {words}", onsets, "")
        report.add(f"pitch classes kept, {words}", pitch, "")


__all__ = ["run"]
