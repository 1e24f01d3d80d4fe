"""What is wanted of a result, each as a number that is 1 for the content (or 0 for none of it).

Harmony, timbre and rhythm are distances of patches to the styles', relative to the content's:
1 is where it begins, 0 is the style. Content, pitch and onsets are distances to the content, 0
where it begins, about 1 where nothing of it is left. So a weight of 1 means the same in all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from models.style.filters import FilterContent, FilterStyle, Network, RandomFilters, ResidualStack
from models.style.frames import Views
from models.style.patches import Discrepancy, Examples
from models.style.settings import FILTERS, MOST, STACK_FILTERS

HARMONY_FRAMES = 11
TIMBRE_BANDS, TIMBRE_FRAMES = 40, 1
RHYTHM_BANDS, RHYTHM_FRAMES = 8, 50
ONSET_BANDS = 64
ONSET_FLOOR = 1e-3  # of the content's loudest band: -60 dB
LEAST = 1e-9
"""Of a distance: a content that is its own style is not divided by nothing."""

Feature = Callable[[Views], Tensor]


class Term:
    """A named number of a moment's views; smaller is better."""

    name = "term"

    def __call__(self, heard: Views) -> Tensor:
        """0-dimensional and differentiable."""
        raise NotImplementedError


Distance = Discrepancy | FilterStyle


class Style:
    """Recordings to be like, heard, and in which shares; distances to them are made once.

    ``engine``, ``filters`` and ``seed`` as in `Settings`.
    """

    def __init__(
        self, views: Sequence[Views], shares: Sequence[float] | None = None, most: int = MOST,
        engine: str = "closed", filters: int | None = None, seed: int = 0,
    ) -> None:  # fmt: skip
        self.views = views
        self.shares = [1.0] * len(views) if shares is None else list(shares)
        self.most, self.engine, self.filters, self.seed = most, engine, filters, seed
        self._distances: dict[str, Distance] = {}

    def forget_views(self) -> None:
        """Let go of the recordings; distances that were made stay."""
        self.views = []

    def distance(
        self, name: str, feature: Feature, width: int, stacked: bool = False
    ) -> Distance:  # fmt: skip
        """The distance of a feature's patches to these recordings', with buffers of its own.

        ``stacked``: where filters are drawn, they are a residual stack's.
        """
        if name not in self._distances:
            with torch.no_grad():
                features = [feature(views) for views in self.views]
            self._distances[name] = self._made(features, width, stacked)
        return self._distances[name].another()

    def _made(self, features: Sequence[Tensor], width: int, stacked: bool) -> Distance:
        if self.engine == "closed":
            with torch.no_grad():
                return Discrepancy(Examples.of(features, width, self.shares, self.most))
        network = self.network(features[0], width, stacked)
        return FilterStyle(network, features, self.shares, self.most)

    def network(self, features: Tensor, width: int, stacked: bool = False) -> Network:
        """Filters drawn for features like these (T, C)."""
        channels, where, kind = features.shape[1], features.device, features.dtype
        if stacked:
            count = self.filters or STACK_FILTERS
            return ResidualStack(channels, count, seed=self.seed, device=where, dtype=kind)
        count = self.filters or FILTERS
        return RandomFilters(channels, count, width, self.seed, where, kind)


class Patches(Term):
    """The distance of a feature's patches to the styles', relative to that of the content."""

    def __init__(
        self, name: str, feature: Feature, distance: Distance, content: Views | None
    ) -> None:
        self.name, self.feature, self.distance = name, feature, distance
        own = distance.own
        if content is not None:
            with torch.no_grad():
                own = float(distance(feature(content)))
        self.unit = max(own, LEAST * distance.own, 1e-30)

    def __call__(self, heard: Views) -> Tensor:
        """0 if the patches are distributed as the styles'."""
        return self.distance(self.feature(heard)) / self.unit


def harmony(style: Style, content: Views | None, width: int = HARMONY_FRAMES) -> Patches:
    """The paper's branch: log magnitudes of all bins, 11 frames."""
    distance = style.distance(f"harmony {width}", _logarithm, width)
    return Patches("harmony", _logarithm, distance, content)


def timbre(style: Style, content: Views | None, bands: int = TIMBRE_BANDS) -> Patches:
    """Single frames of mel bands: which sounds there are, whatever their pitch and order."""
    distance = style.distance(f"timbre {bands}", _log_mel(bands), TIMBRE_FRAMES)
    return Patches("timbre", _log_mel(bands), distance, content)


def rhythm(
    style: Style, content: Views | None, bands: int = RHYTHM_BANDS, width: int = RHYTHM_FRAMES
) -> Patches:
    """The paper's second branch: few mel bands over long patches, 1.2 s; or 0.7 s in a stack."""
    stacked = style.engine == "residual"
    distance = style.distance(f"rhythm {bands} {width}", _log_mel(bands), width, stacked)
    return Patches("rhythm", _log_mel(bands), distance, content)


def _logarithm(heard: Views) -> Tensor:
    return heard.logarithm


def _log_mel(bands: int) -> Feature:
    return lambda heard: torch.log1p(heard.mel(bands))


class Content(Term):
    """The squared distance of log magnitudes to the content's, relative to the content's own.

    ``bands`` of mel, which do not hear the key or the tuning if they are few; 0 for all bins.
    """

    name = "content"

    def __init__(self, content: Views, bands: int = 0) -> None:
        self.feature = _log_mel(bands) if bands else _logarithm
        with torch.no_grad():
            self.wanted = self.feature(content)
            self.unit = max(float((self.wanted * self.wanted).sum()), 1e-30)

    def __call__(self, heard: Views) -> Tensor:
        """0 if it is the content."""
        off = self.feature(heard) - self.wanted
        return (off * off).sum() / self.unit


class FilteredContent(Term):
    """The paper's content: the squared distance of filters' outputs, relative to the content's."""

    name = "content"

    def __init__(self, style: Style, content: Views, bands: int = 0) -> None:
        self.feature = _log_mel(bands) if bands else _logarithm
        with torch.no_grad():
            features = self.feature(content)
        self.loss = FilterContent(style.network(features, HARMONY_FRAMES), features)
        self.unit = max(self.loss.own, 1e-30)

    def __call__(self, heard: Views) -> Tensor:
        """0 if it is the content."""
        return self.loss(self.feature(heard)) / self.unit


class Pitch(Term):
    """1 - the correlation of the frames' pitch classes with the content's."""

    name = "pitch"

    def __init__(self, content: Views) -> None:
        with torch.no_grad():
            self.wanted = _standard(content.chroma)

    def __call__(self, heard: Views) -> Tensor:
        """0 to 2."""
        return 1.0 - (_standard(heard.chroma) * self.wanted).sum()


class Onsets(Term):
    """1 - the correlation of the onset strength with the content's.

    The mean rise of the mel bands' logarithms from frame to frame: Boeck and Widmer 2013, without
    their vibrato suppression.
    """

    name = "onsets"

    def __init__(self, content: Views) -> None:
        with torch.no_grad():
            self.floor = max(float(content.mel(ONSET_BANDS).max()) * ONSET_FLOOR, 1e-9)
            self.wanted = _standard(self._strength(content))

    def __call__(self, heard: Views) -> Tensor:
        """0 to 2."""
        return 1.0 - (_standard(self._strength(heard)) * self.wanted).sum()

    def _strength(self, heard: Views) -> Tensor:
        level = torch.log(heard.mel(ONSET_BANDS) + self.floor)
        return (level[1:] - level[:-1]).relu().mean(1)


def _standard(values: Tensor) -> Tensor:
    """Without its mean and of norm 1, so that products are correlations."""
    values = values - values.mean()
    return values / (values.norm() + 1e-9)


__all__ = [
    "Content",
    "FilteredContent",
    "Onsets",
    "Patches",
    "Pitch",
    "Style",
    "Term",
    "harmony",
    "rhythm",
    "timbre",
]
