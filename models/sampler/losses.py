"""What a network is to get right, and how a piece is gone through for it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from models.sampler.job import Job
from models.sampler.material import Piece
from models.sampler.network import SamplerNetwork, State, detached
from models.sampler.shapes import heard_windows

SMALLEST, LARGEST = -7.0, 2.0
"""Logarithms of the deviations a network may claim, standardised: -61 to 17 dB."""
FREEDOM = 3.0
"""Degrees of freedom of Student's distribution."""
LISTENED = 0.1
"""Share of a frequency's own level below which spectra are alike, -20 dB: a hiss where there is
hardly any sound is heard as much as what it is beside."""
FREE_SHARE = 1.0
"""What spectra of free dreams weigh beside the next step's error."""

Learnt = tuple[Tensor, Tensor, State, Tensor]
"""The loss; the next step's mean square error; states and taps' memory after the piece."""
Way = Callable[[SamplerNetwork, Piece, State, Tensor], Learnt]


def way_of(job: Job, free: int) -> Way:
    """How a piece is learnt; its last ``free`` steps are dreamt where the loss is "heard"."""
    if job.loss == "spread":
        return spread
    if job.loss == "heard":
        listen = _Listening(job)
        return lambda network, piece, state, before: listen.learn(
            network, piece, state, before, free
        )
    return mean_square


def mean_square(network: SamplerNetwork, piece: Piece, state: State, before: Tensor) -> Learnt:
    """The dissertation's: the mean square of what the next step missed, in what the head says."""
    said, state, before = _said(network, piece.heard, state, before)
    missed = (network.squashed(said) - piece.wanted).square().mean()
    if network.components is None:
        return missed, missed, state, before
    loss = (said - network.aimed(piece.wanted)).square().mean()
    return loss, missed, state, before


def spread(network: SamplerNetwork, piece: Piece, state: State, before: Tensor) -> Learnt:
    """How unlikely the next sample was, to a network that tells its mean and its deviation.

    Student's distribution, since attacks are seldom and large: with Gauss's they would make the
    network unsure of all else, and its dreams hiss.
    """
    said, state, before = _said(network, piece.heard, state, before)
    mean, log_spread = said.chunk(2, -1)
    log_spread = log_spread.clamp(SMALLEST, LARGEST)
    missed = network.squashed(mean) - piece.wanted
    far = (missed * torch.exp(-log_spread)).square()
    loss = (0.5 * (FREEDOM + 1.0) * torch.log1p(far / FREEDOM) + log_spread).mean()
    return loss, missed.square().mean(), state, before


class _Listening:
    """The next step's error, and how far spectra of a dream are from what was played.

    Phases that cannot be known cost nothing, but a dream that dies away does: with the mean
    square alone, what is uncertain is best answered with silence.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.spectral = job.approach == "spectrum"
        ramp = (torch.arange(job.overlap) + 0.5) / max(1, job.overlap)
        self.fade = 0.5 - 0.5 * torch.cos(torch.pi * ramp)
        self.windows = [torch.hann_window(size) for size in heard_windows(job)]

    def learn(
        self, network: SamplerNetwork, piece: Piece, state: State, before: Tensor, free: int
    ) -> Learnt:
        """Learn a piece whose last ``free`` steps nobody tells the network."""
        told = max(1, piece.heard.shape[1] - free)
        said, state, before = _said(network, piece.heard[:, :told], state, before)
        made = network.squashed(said)
        missed = (made - piece.wanted[:, :told]).square().mean()
        after, heard, last = detached(state), piece.heard[:, told - 1], made[:, -1]
        hop, tail = self.job.hop, last[:, self.job.hop :]
        dreamt = [last if self.spectral else last[:, :hop]]
        for _ in range(piece.heard.shape[1] - told):
            heard = dreamt[-1] if self.spectral else torch.cat([heard[:, hop:], dreamt[-1]], 1)
            said, state = network(heard[:, None], state)
            last = network.squashed(said)[:, 0]
            if self.spectral:
                dreamt.append(last)
                continue
            dreamt.append(self._joined(tail, last[:, :hop]))
            tail = last[:, hop:]
        wanted = piece.wanted[:, told - 1 :]
        if self.spectral:
            apart = (torch.stack(dreamt, 1) - wanted).abs().mean()
        else:
            played = piece.heard[:, told - 1]
            true = torch.cat([played, wanted[..., :hop].flatten(1)], 1)
            apart = self._apart(torch.cat([played, *dreamt], 1), true)
        return missed + FREE_SHARE * apart, missed, after, before

    def _joined(self, tail: Tensor, made: Tensor) -> Tensor:
        """A vector whose beginning is crossfaded with what the one before foresaw there."""
        count = tail.shape[1]
        fade = self.fade.to(made.device)
        return torch.cat([tail + (made[:, :count] - tail) * fade, made[:, count:]], 1)

    def _apart(self, dreamt: Tensor, played: Tensor) -> Tensor:
        total = dreamt.new_zeros(())
        for window in self.windows:
            a, b = (_spectra(sound, window.to(sound.device)) for sound in (dreamt, played))
            floor = LISTENED * b.square().mean((0, 2), keepdim=True).sqrt() + 1e-5
            logs = (torch.log(a + floor) - torch.log(b + floor)).abs().mean()
            total = total + logs + (a - b).norm() / (b.norm() + 1e-6)
        return total / len(self.windows)


def _spectra(sound: Tensor, window: Tensor) -> Tensor:
    size = len(window)
    made: Tensor = torch.stft(
        sound, size, size // 4, window=window, center=False, return_complex=True
    )
    return made.abs()


def _said(
    network: SamplerNetwork, heard: Tensor, state: State, before: Tensor
) -> tuple[Tensor, State, Tensor]:
    """What the head, or what mixes its rows, says; states and memory without their past."""
    said, state = network(heard, state)
    if network.taps is None:
        return said, state, before
    line = torch.cat([before, said.detach()], 1)
    mixed = network.mix(said, before)
    return mixed, state, line[:, line.shape[1] - network.history :]


__all__ = ["LARGEST", "SMALLEST", "Learnt", "Way", "mean_square", "spread", "way_of"]
