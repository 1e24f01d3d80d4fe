"""What a transfer, a texture or a separation is asked for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields

from models.style.errors import StyleError

STARTS = ("equalised", "content", "noise")
ENGINES = ("closed", "filters", "residual")
"""The mean over all random filters; some random filters, the paper's; the same with a dilated
residual stack as the rhythm's branch."""
FILTERS, STACK_FILTERS = 4096, 2048
PATHS = ("samples", "griffin-lim")
"""What is optimised: the samples, or magnitudes whose phases Griffin and Lim's rounds then find."""
MOST_ITERATIONS = 100_000
MOST = 512
"""Patches of the styles that are compared with, spread over them; more cost time."""
HIGHEST = 100.0


@dataclass(frozen=True)
class Knobs:
    """What counts how much. All terms are relative, so 1 means the same in each.

    The first three pull to the style, the others hold what is the content's. With these, seven
    of eight pairs reach what was asked for (README.md).
    """

    harmony: float = 1.0
    timbre: float = 5.0
    rhythm: float = 0.0
    content: float = 0.0
    pitch: float = 0.3
    onsets: float = 0.15

    def __post_init__(self) -> None:
        for knob in fields(self):
            value = getattr(self, knob.name)
            if not 0.0 <= value <= HIGHEST:
                raise StyleError(f"{knob.name} = {value:g} is outside 0 to {HIGHEST:g}")
        if not any(asdict(self).values()):
            raise StyleError("every knob is 0; at least one must be above")


@dataclass(frozen=True)
class Settings:
    """Of a transfer. ``rate`` None is the content's own, at most 48 kHz.

    ``content_bands``: mel bands of the content term, 0 for all bins. ``window_s``: what is longer
    is transferred in windows, ``workers`` at a time. ``most``: patches of the styles compared with.
    ``filters``: of the engines that draw some, by ``seed``; None is 4096, and 2048 of the stack.
    """

    knobs: Knobs = field(default_factory=Knobs)
    iterations: int = 100
    start: str = "equalised"
    engine: str = "closed"
    filters: int | None = None
    path: str = "samples"
    content_bands: int = 0
    rhythm_bands: int = 8
    rhythm_frames: int = 50
    rate: int | None = None
    match_tempo: bool = False
    match_key: bool = False
    window_s: float = 10.0
    overlap_s: float = 1.0
    workers: int = 2
    most: int = MOST
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, word, allowed in (
            ("start", self.start, STARTS), ("engine", self.engine, ENGINES),
            ("path", self.path, PATHS),
        ):  # fmt: skip
            if word not in allowed:
                raise StyleError(f"{name} = {word} is none of {', '.join(allowed)}")
        for name, value, low, high in (
            ("iterations", self.iterations, 1, MOST_ITERATIONS),
            ("content_bands", self.content_bands, 0, 512),
            ("rhythm_bands", self.rhythm_bands, 1, 512),
            ("rhythm_frames", self.rhythm_frames, 1, 512),
            ("window_s", self.window_s, 2.0, 60.0),
            ("overlap_s", self.overlap_s, 0.2, self.window_s / 3.0),
            ("workers", self.workers, 1, 64),
            ("most", self.most, 16, 100_000),
            ("filters", self.filters or FILTERS, 8, 16_384),
        ):
            if not low <= value <= high:
                raise StyleError(f"{name} = {value:g} is outside {low:g} to {high:g}")

    def where(self) -> str:
        """The device in torch's words; StyleError where there is no such."""
        import torch

        if self.device not in ("auto", "cpu", "cuda"):
            raise StyleError(f"device = {self.device} is none of auto, cpu, cuda")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise StyleError("device = cuda: torch finds no GPU here")
        return "cuda" if self.device != "cpu" and torch.cuda.is_available() else "cpu"


__all__ = [
    "ENGINES", "FILTERS", "MOST", "PATHS", "STACK_FILTERS", "STARTS", "Knobs", "Settings",
]  # fmt: skip
