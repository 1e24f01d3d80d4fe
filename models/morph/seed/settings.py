"""How an autoencoder of notes is trained, what is told meanwhile, what it leaves; no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.morph.errors import MorphError
from models.morph.seed.spectra import Transform

if TYPE_CHECKING:
    from models.morph.seed.networks.autoencoder import Autoencoder

ARCHITECTURES: Mapping[str, str] = {
    "keyed": "components of time, and of frequency for each key: ours",
    "separable": "components of time and frequency, and networks for the rest",
    "banded": "convolutions over frequency, all frames at once, told the pitch",
    "convolutional": "the thesis's: convolutions over frequency and time",
    "pca": "principal components: the best linear one",
    "deep": "dense layers (Roche's DAE)",
    "lstm": "an LSTM over the frames each way (Roche's LSTM-AE)",
    "vae": "dense layers, a normal distribution as code (Roche's VAE)",
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "architecture": tuple(ARCHITECTURES),
    "activation": ("relu", "leaky"),
    "loss": ("mse", "floored", "heard"),
    "schedule": ("plateau", "cosine"),
    "device": ("auto", "cpu", "cuda"),
}


@dataclass(frozen=True)
class Settings:
    """One training. Raises MorphError for a value that is not allowed.

    ``code`` numbers for a note. ``loss`` "mse" is the thesis's, of dB; "floored" is the same
    but counts nothing that lies under the floor on both sides; "heard" adds to that ``loud`` times
    the spectral convergence, which loud bins decide. ``schedule`` "plateau" divides the
    learning rate where validation does not improve for ``patience`` epochs, "cosine" lets it
    fall over all epochs. ``mixed`` is the share of notes that are learnt as sums of two of the
    same pitch with their spectra tilted. ``beta`` weighs the VAE's divergence. ``minutes`` ends a
    training whatever the epochs, 0 does not.
    """

    architecture: str = "separable"
    code: int = 512
    activation: str = "leaky"
    width: float = 1.0  # times the usual channels
    pitched: bool = True  # ours are told the pitch
    loss: str = "mse"
    loud: float = 0.002
    beta: float = 1e-4
    mixed: float = 0.75
    learning_rate: float = 1e-3
    batch: int = 32
    epochs: int = 20
    minutes: float = 0.0
    schedule: str = "plateau"
    patience: int = 3
    held_out: float = 0.1  # of the instruments, to validate on, where none are given
    seed: int = 1
    threads: int = 1
    device: str = "auto"
    transform: Transform = field(default_factory=Transform)

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                told = f"{name} = {getattr(self, name)!r}: allowed are {', '.join(allowed)}"
                raise MorphError(told)
        for name, (low, high) in RANGES.items():
            if not low <= getattr(self, name) <= high:
                raise MorphError(
                    f"{name} = {getattr(self, name):g}: {low:g} to {high:g} is allowed"
                )

    @classmethod
    def thesis(cls, **changes: Any) -> Settings:
        """As the thesis trains: its network, MSE, ReLU, the rate lowered on a plateau."""
        given: dict[str, Any] = {"architecture": "convolutional", "activation": "relu"}
        given |= {"loss": "mse", "mixed": 0.0, "schedule": "plateau", "pitched": False}
        return cls(**(given | changes))

    @classmethod
    def ours(cls, **changes: Any) -> Settings:
        """What reconstructs notes of unheard instruments best, in a minute or two; no gradient."""
        given: dict[str, Any] = {"architecture": "keyed", "loss": "mse", "mixed": 0.0}
        return cls(**(given | changes))

    def as_json(self) -> dict[str, Any]:
        """All values; `from_json` of it is these settings."""
        kept = asdict(self)
        kept["transform"] = self.transform.as_json()
        return kept

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Settings:
        """Settings as `as_json` wrote them; MorphError in one line if they are none."""
        try:
            return cls(**{**given, "transform": Transform(**given["transform"])})
        except (KeyError, TypeError) as error:
            raise MorphError(f"settings: {error}") from None


RANGES: Mapping[str, tuple[float, float]] = {
    "code": (1, 8192), "width": (0.1, 8.0), "loud": (0.0, 1.0), "beta": (0.0, 10.0),
    "mixed": (0.0, 1.0), "learning_rate": (1e-6, 1.0), "batch": (2, 1024), "epochs": (1, 100_000),
    "minutes": (0.0, 10_000.0), "patience": (0, 1000), "held_out": (0.0, 0.9), "threads": (1, 256),
}  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """An epoch's end, or a moment within it (``validation`` is None then)."""

    epoch: int  # begun, from 1
    done: float  # share of the training, 0 to 1
    seconds: float
    loss: float  # mean of the epoch so far
    rmse_db: float  # of what is learnt
    rate: float  # the learning rate
    validation: float | None = None  # RMSE in dB on instruments that are not learnt
    convergence_db: float | None = None
    best: bool = False

    def as_json(self) -> dict[str, Any]:
        """A line of the history."""
        return {k: round(v, 6) if isinstance(v, float) else v for k, v in asdict(self).items()}


Told = Callable[[Progress], None]
Stop = Callable[[], bool]


@dataclass(frozen=True)
class Trained:
    """The best network of a training by validation, and how it came about.

    ``stopped`` is "budget" or "interrupted".
    """

    network: Autoencoder
    settings: Settings
    folder: Path | None
    rmse_db: float
    epochs: int
    seconds: float
    stopped: str
    history: tuple[dict[str, Any], ...]

    def as_json(self) -> dict[str, Any]:
        """The figures for --json."""
        return {
            "folder": str(self.folder or ""), "architecture": self.settings.architecture,
            "code": self.settings.code, "validation_rmse_db": round(self.rmse_db, 4),
            "epochs": self.epochs, "seconds": round(self.seconds, 1), "stopped": self.stopped,
            "weights": self.network.weights, "settings": self.settings.as_json(),
        }  # fmt: skip


def nothing(_: Progress) -> None:
    """Tell nobody."""


def never() -> bool:
    """Go on."""
    return False


__all__ = [
    "ARCHITECTURES", "CHOICES", "RANGES", "Progress", "Settings", "Stop", "Told", "Trained",
    "never", "nothing",
]  # fmt: skip
