"""Notes to codes and back to sound: as they were, between two of them, or out of nothing.

made = Reconstructor.opened(Path("runs/seed"))
a, b = made.encoded(sounds, pitches)
made.sound(a)                              # with its own phase
made.sound(made.interpolated(a, b, 0.5))   # with Griffin and Lim's
made.activated(positions, pitch=60.0)      # the code as sliders (Colonel 2017)
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from engine.morph.errors import MorphError
from models.morph.seed import checkpoint
from models.morph.seed.griffin import MOMENTUM, ROUNDS, griffin_lim
from models.morph.seed.losses import over_floor
from models.morph.seed.networks import Autoencoder, build
from models.morph.seed.networks.autoencoder import REACH
from models.morph.seed.settings import Trained
from models.morph.seed.spectra import Array, Phases, Transform

POLISH_RATE = 0.03
"""Of the codes' standard deviations, for each step of polishing."""


@dataclass(frozen=True)
class Coded:
    """A note as a code (code,), and what the spectrogram does not tell.

    ``reference`` is its largest magnitude, ``energy`` the mean of its squared samples, ``phases``
    are kept where it is a real note.
    """

    code: Array
    pitch: float
    reference: float
    energy: float
    phases: Phases | None = None


class Reconstructor:
    """An autoencoder that has learnt, and the transform that it learnt with."""

    def __init__(self, network: Autoencoder, transform: Transform, samples: int) -> None:
        self.network, self.transform, self.samples = network.eval(), transform, samples
        if transform.frames(samples) != network.frames:
            told = f"the network is for {network.frames} frames"
            raise MorphError(f"{samples} samples are {transform.frames(samples)} frames; {told}")

    @classmethod
    def of(cls, trained: Trained, samples: int) -> Reconstructor:
        """Of a training that has just ended."""
        return cls(trained.network, trained.settings.transform, samples)

    @classmethod
    def opened(cls, folder: Path) -> Reconstructor:
        """Of a training's folder; MorphError in one line."""
        settings, samples = checkpoint.read_settings(folder)
        network = build(settings, settings.transform.frames(samples))
        path = folder / checkpoint.BEST
        try:
            network.load_state_dict(checkpoint.load(path, ("network",))["network"])
        except RuntimeError:
            raise MorphError(f"{path}: its weights are not those of its settings") from None
        return cls(network, settings.transform, samples)

    def encoded(
        self, sounds: npt.ArrayLike, pitches: npt.ArrayLike, polish: int = 0
    ) -> tuple[Coded, ...]:
        """The codes of ``sounds`` (n, samples); shorter ones end in silence, longer ones are cut.

        With ``polish`` the encoder's codes are made better by so many steps of gradient descent:
        a decoder that is not linear has better codes than any encoder tells.
        """
        heard = fitted(sounds, self.samples)
        values, references = self.transform.values(heard)
        keys = np.broadcast_to(np.asarray(pitches, np.float32), (len(heard),)).copy()
        given, told = torch.from_numpy(values), torch.from_numpy(keys)
        with torch.no_grad():
            codes = self.network.encode(given, told)
        if polish:
            codes = polished(self.network, codes, given, told, polish)
        phases = self.transform.phases(heard)
        energies = np.square(heard).mean(1)
        return tuple(
            Coded(codes[k].numpy(), float(keys[k]), float(references[k]), float(energies[k]), phase)
            for k, phase in enumerate(phases)
        )

    def values(self, coded: Coded) -> Array:
        """The spectrogram (bins, frames) of a code, in 0..1."""
        with torch.no_grad():
            code, pitch = torch.from_numpy(coded.code)[None], torch.tensor([coded.pitch])
            made = self.network.decode(code, pitch)[0]
        return np.asarray(made.clamp(0.0, 1.0).numpy(), np.float32)

    def magnitudes(self, coded: Coded) -> Array:
        """The magnitudes (n_fft // 2 + 1, frames) of a code, as loud as its reference."""
        return self.transform.magnitudes(self.values(coded), coded.reference)

    def sound(
        self, coded: Coded, *, rounds: int = ROUNDS, momentum: float = MOMENTUM, kept: bool = True,
        rescaled: bool = True,
    ) -> Array:  # fmt: skip
        """What a code sounds like (samples,): with its kept phase, or with Griffin and Lim's.

        ``rescaled`` to the energy of the note, or between those of two notes.
        """
        wanted = self.magnitudes(coded)[None]
        if kept and coded.phases is not None:
            made = self.transform.sounds(wanted, coded.phases[None], self.samples)[0]
        else:
            given = (wanted, self.transform, self.samples)
            made = griffin_lim(*given, rounds=rounds, momentum=momentum)[0]
        return with_energy(made, coded.energy) if rescaled else made

    def interpolated(self, a: Coded, b: Coded, share: float) -> Coded:
        """Between two notes: codes, pitch, level in dB and energy, each along a line.

        ``share`` 0 is ``a``, 1 is ``b``; beyond them it goes on. No phase is kept.
        """
        code = ((1.0 - share) * a.code + share * b.code).astype(np.float32)
        pitch = (1.0 - share) * a.pitch + share * b.pitch
        reference = a.reference ** (1.0 - share) * b.reference**share
        energy = max(0.0, (1.0 - share) * a.energy + share * b.energy)
        return Coded(code, pitch, reference, energy)

    def activated(
        self, positions: npt.ArrayLike, pitch: float = 60.0, level_db: float = -20.0
    ) -> Array:
        """The sound (samples,) of a code that is set by hand, as Colonel does: (code,) of 0..1.

        1/2 is the mean of the codes that were learnt, 0 and 1 are three standard deviations off.
        ``level_db`` is of its mean energy.
        """
        return self.sound(self.set_by_hand(positions, pitch, level_db), kept=False)

    def set_by_hand(
        self, positions: npt.ArrayLike, pitch: float = 60.0, level_db: float = -20.0
    ) -> Coded:
        """The code of such positions; MorphError where they are not as many, or not in 0..1."""
        given = np.asarray(positions, np.float32)
        if given.shape != (self.network.code,):
            raise MorphError(f"positions {given.shape}: ({self.network.code},) is allowed")
        if not (np.isfinite(given).all() and given.min() >= 0.0 and given.max() <= 1.0):
            raise MorphError(f"a position is {given.min():g} or {given.max():g}: 0 to 1 is allowed")
        centre, spread = self.network.centre.numpy(), self.network.spread.numpy()
        code = (centre + (given - 0.5) * REACH * spread).astype(np.float32)
        return Coded(code, float(pitch), 1.0, 10.0 ** (level_db / 10.0))

    def positions(self, coded: Coded) -> Array:
        """Where the sliders would be for a code: the inverse of `set_by_hand`, bounded."""
        centre, spread = self.network.centre.numpy(), self.network.spread.numpy()
        return np.asarray(
            np.clip((coded.code - centre) / np.maximum(REACH * spread, 1e-9) + 0.5, 0.0, 1.0)
        )

    def with_pitch(self, coded: Coded, pitch: float) -> Coded:
        """The same code told another pitch; what a network that is not told pitch ignores."""
        return dataclasses.replace(coded, pitch=float(pitch), phases=None)


def polished(
    network: Autoencoder, codes: torch.Tensor, values: torch.Tensor, pitches: torch.Tensor,
    steps: int,
) -> torch.Tensor:  # fmt: skip
    """Codes (n, code) that decode nearer to ``values``, by Adam on them alone."""
    spread = codes.std(0).mean() if len(codes) > 1 else network.spread.mean()
    moved = codes.clone().requires_grad_(True)
    optimiser = torch.optim.Adam([moved], float(POLISH_RATE * spread))
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        error = over_floor(network.decode(moved, pitches), values)
        loss = error.square().mean((1, 2)).sum()
        (moved.grad,) = torch.autograd.grad(loss, [moved])
        optimiser.step()
        fall.step()
    return moved.detach()


def fitted(sounds: npt.ArrayLike, samples: int) -> Array:
    """Sounds (n, samples), with silence behind shorter ones; MorphError if one is not finite."""
    heard = np.atleast_2d(np.asarray(sounds, np.float32))[:, :samples]
    if not np.isfinite(heard).all():
        raise MorphError("a sound is not finite")
    return np.pad(heard, ((0, 0), (0, samples - heard.shape[1])))


def with_energy(sound: Array, energy: float) -> Array:
    """The sound at this mean of squared samples; silence stays silent."""
    now = float(np.square(sound).mean())
    gain = np.sqrt(energy / now) if now > 0.0 else 0.0
    return np.asarray(sound * gain, np.float32)


__all__ = ["Coded", "Reconstructor", "fitted", "polished", "with_energy"]
