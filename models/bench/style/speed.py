"""100 iterations on 5 s: the closed form, and 4096 filters as the paper has them, in one run."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from engine.bench import Report
from models.bench.style.sources import SECONDS, excerpt, transferred
from models.bench.style.telling import say
from models.style.descent import Descent
from models.style.filters import FilterStyle, RandomFilters
from models.style.frames import Ear
from models.style.material import Material
from models.style.settings import FILTERS, Knobs, Settings

MOST_S, MOST_SHARE = 1.5, 1.0 / 3.0
ITERATIONS, REPEATS = 100, 3
HELD = 0.01
ALONE = Knobs(harmony=1.0, timbre=0.0, content=HELD, pitch=0.0, onsets=0.0)
"""What both minimise where they are compared: the paper's style and content, nothing else."""
DRAWN, FRESH = 0, (101, 102)
ALL_PATCHES = 100_000


def run(report: Report) -> None:
    """Add rows of cost, and of the style loss on filters that were drawn afterwards."""
    content, style = excerpt("strings"), excerpt("vibes")
    length = f"{ITERATIONS} iterations on {SECONDS:g} s"
    say("closed form")
    spent = min(
        transferred(content, style, Settings(device="cpu")).cpu_seconds for _ in range(REPEATS)
    )
    report.add(f"closed form, all knobs: {length}", spent, "CPU s", f"at most {MOST_S:g}",
               spent <= MOST_S)  # fmt: skip
    made, costs = {}, {}
    for name, start in (("from the content", "content"), ("as it starts by itself", "equalised")):
        asked = Settings(knobs=ALONE, start=start, device="cpu", most=ALL_PATCHES)
        result = transferred(content, style, asked)
        made[f"closed form, {name}"] = torch.from_numpy(result.sound.samples)
        costs[f"closed form, {name}"] = result.cpu_seconds
    say(f"{FILTERS} plain filters, a minute or two")
    material = Material(content, [style], Settings(start="content", device="cpu"))
    began = time.process_time()
    plain = PlainFilters(material.ear, material.content, material.style.views[0].magnitudes)
    descent = Descent(plain.loss, material.content.reshape(-1))
    while descent.iterations < ITERATIONS and descent.step():
        pass
    name = f"{FILTERS} plain filters, from the content"
    costs[name] = time.process_time() - began
    made[name] = torch.from_numpy(
        material.finished(descent.best.view(material.content.shape)).samples
    )
    for key, cost in costs.items():
        report.add(f"{key}, harmony and content only: {length}", cost, "CPU s")
    report.add("plain filters cost more by", costs[name] / spent, "times")
    _fresh(report, material, made, name)


def _fresh(report: Report, material: Material, made: dict[str, Tensor], filters: str) -> None:
    """The mean over fresh draws of each sound's style loss, relative to the content's own."""
    say("fresh filters")
    ear, wanted = material.ear, material.style.views[0].logarithm
    found: dict[str, list[float]] = {name: [] for name in made}
    for seed in FRESH:
        network = RandomFilters(ear.analysis.bins, FILTERS, seed=seed)
        loss = FilterStyle(network, [wanted], most=ALL_PATCHES)
        with torch.no_grad():
            own = float(loss(ear.hear(material.content).logarithm))
            for name, sound in made.items():
                heard = ear.hear(sound / float(material.gain))
                found[name].append(float(loss(heard.logarithm)) / own)
    means = {name: _mean(values) for name, values in found.items()}
    for name, value in means.items():
        report.add(f"{name}: style loss on fresh filters", value, "of the content's")
    share = means["closed form, as it starts by itself"] / means[filters]
    report.add("style loss on fresh filters, closed form / plain filters", share, "",
               "at most 1/3", share <= MOST_SHARE)  # fmt: skip
    same = means["closed form, from the content"] / means[filters]
    report.add("the same, both from the content", same, "")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


class PlainFilters:
    """The paper's loss as one writes it down: an STFT, a convolution, Gram matrices, autograd."""

    def __init__(self, ear: Ear, content: Tensor, style: Tensor, seed: int = DRAWN) -> None:
        self.analysis = ear.analysis
        self.network = RandomFilters(self.analysis.bins, FILTERS, seed=seed)
        self.window = torch.hann_window(self.analysis.size)
        with torch.no_grad():
            self.gram = self._gram(self.network(torch.log1p(style))[0])
            heard = self._heard(content[0])
            self.content = heard
            self.unit = float((heard * heard).sum())
            self.own = float(((self._gram(self.network(heard)[0]) - self.gram) ** 2).sum())

    def loss(self, samples: Tensor) -> tuple[float, Tensor]:
        """Style + HELD content, each relative to the content's own; and the gradient."""
        samples = samples.detach().requires_grad_(True)
        heard = self._heard(samples)
        style = ((self._gram(self.network(heard)[0]) - self.gram) ** 2).sum() / self.own
        loss = style + HELD * ((heard - self.content) ** 2).sum() / self.unit
        (slope,) = torch.autograd.grad(loss, samples)
        return float(loss.detach()), slope

    def _heard(self, samples: Tensor) -> Tensor:
        spectra = torch.stft(
            samples, self.analysis.size, self.analysis.hop, window=self.window,
            pad_mode="constant", return_complex=True,
        )  # fmt: skip
        return torch.log1p((torch.view_as_real(spectra).square().sum(-1) + 1e-12).sqrt()).T

    @staticmethod
    def _gram(features: Tensor) -> Tensor:
        return features.T @ features / len(features)


__all__ = ["PlainFilters", "run"]
