"""The network: bands whose levels are told by what is heard, a light bend, modes that ring.

    sound -> bands (FIR) -> levels -> hears 0.1 s back -> gains
    bands x gains -> back to sound (FIR) + tanh of a mix + modes that ring (poles), as told

Everything is causal and made of operations that the audio thread runs (`engine/neural`).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.neural import network as ir
from models.effects.networks.base import numbers, put
from models.effects.networks.scan import scan
from models.style.distil.settings import RATE

TAPS, BACK_TAPS = 192, 64  # 8 ms: bands; and from bands to sound
SMOOTH_S = 0.008
LOOKS = (256, 768)  # samples between the three looks back of the hidden layers
BENT = 8
MOST_GAIN = 6.0
LOUD = 24.0
"""Levels are small numbers: so many times as large is where softsign begins to bend."""
LOWEST_HZ = 60.0


class Restyler(nn.Module):  # type: ignore[misc]
    """(batch, samples) at RATE -> the same; from a past of zeros."""

    def __init__(self, bands: int, hidden: int, modes: int, rings: Tensor) -> None:
        """``rings`` (modes, 2): Hz and seconds of the modes to begin with."""
        super().__init__()
        self.split = nn.Parameter(_bank(bands))
        self.log_fall = nn.Parameter(torch.full((bands, 1), -math.log(SMOOTH_S * RATE)))
        self.loud = nn.Parameter(torch.full((bands, 1), LOUD))
        self.first = nn.Conv1d(bands, hidden, 1)
        self.looks = nn.ModuleList(nn.Conv1d(hidden, hidden, 3, dilation=d) for d in LOOKS)
        self.gains = nn.Conv1d(hidden, bands, 1)
        self.told = nn.Conv1d(hidden, modes, 1)
        self.back = nn.Parameter(
            functional.pad(torch.full((1, bands, 1), MOST_GAIN), (BACK_TAPS - 1, 0))
        )
        self.bend = nn.Conv1d(bands, BENT, 1)
        self.unbend = nn.Parameter(0.02 * torch.randn(1, BENT, BACK_TAPS))
        self.excite = nn.Conv1d(bands, modes, 1)
        turn = 2.0 * math.pi * rings[:, :1] / RATE
        self.log_frequency = nn.Parameter(torch.log(turn))
        self.log_decay = nn.Parameter(torch.log(1.0 / (rings[:, 1:] * RATE)))
        self.readout = nn.Parameter(torch.randn(modes, 1, 2) * 0.1)
        self.ring = nn.Parameter(torch.full((1, modes, 1), 0.3))

    def forward(self, sound: Tensor) -> Tensor:
        """What is heard of ``sound``."""
        bands = self.bands_of(sound)
        hears = self._hears(self.smoothed(bands))
        shaped = bands * torch.sigmoid(self.gains(hears))
        bent = torch.tanh(self.bend(shaped))
        modes = _filtered(self.excite(shaped), *self._poles()) * torch.sigmoid(self.told(hears))
        return _summed(shaped, self.back) + _summed(bent, self.unbend) + _summed(modes, self.ring)

    def bands_of(self, sound: Tensor) -> Tensor:
        """(batch, samples) -> (batch, bands, samples)."""
        return _causal(sound[:, None], self.split)

    def smoothed(self, bands: Tensor) -> Tensor:
        """How loud each band is, LOUD times."""
        return _filtered(bands.relu(), *self._fall())

    def gains_of(self, smoothed: Tensor, every: int) -> Tensor:
        """The bands' gains, 0 to 1, from every so many of what ``smoothed`` makes."""
        return torch.sigmoid(self.gains(self._hears(smoothed, every)))

    def scale(self) -> Tensor:
        """(bands, 1): by what a band of gain 1 comes out."""
        return self.back[0].sum(1, keepdim=True)

    def _hears(self, smoothed: Tensor, every: int = 1) -> Tensor:
        hears = torch.tanh(self.first(functional.softsign(smoothed)))
        for look, back in zip(self.looks, LOOKS, strict=True):
            more = _causal(hears, look.weight, back // every) + look.bias[:, None]
            hears = hears + torch.tanh(more)
        return hears

    def _fall(self) -> tuple[Tensor, Tensor]:
        """Of levels: the logarithms of a real pole each, and what it is read out by."""
        fall = self.log_fall.clamp(-9.0, -1.0).exp()
        return torch.complex(-fall, torch.zeros_like(fall)), fall * self.loud + 0j

    def _poles(self) -> tuple[Tensor, Tensor]:
        """Logarithms of the poles and read-outs relative to a mode's own gain."""
        decay = self.log_decay.clamp(-10.0, -2.0).exp()
        log_a = torch.complex(-decay, self.log_frequency.exp().clamp(max=3.0))
        return log_a, torch.view_as_complex(self.readout) * decay.sqrt()

    def to_network(self) -> ir.Network:
        """The same as the audio thread plays it."""
        source = ir.Signal(1)
        ops: list[ir.Op] = []
        bands = put(ops, ir.Conv(None, (ir.Term(source, numbers(self.split)),)))
        up = put(ops, ir.Conv(None, adds=(bands,), steps=(ir.Activate("relu"),)))
        levels = _emit_filter(up, self._fall(), ops)
        levels = put(ops, ir.Conv(None, adds=(levels,), steps=(ir.Activate("softsign"),)))
        hears = _put(ops, levels, self.first, ir.Activate("tanh"))
        for look, back in zip(self.looks, LOOKS, strict=True):
            more = _put(ops, hears, look, ir.Activate("tanh"), dilation=back)
            hears = put(ops, ir.Conv(None, adds=(hears, more)))
        sigmoid = ir.Activate("sigmoid")
        gains = _put(ops, hears, self.gains, sigmoid)
        shaped = put(ops, ir.Conv(None, adds=(bands,), steps=(ir.Film(gains, None),)))
        bent = _put(ops, shaped, self.bend, ir.Activate("tanh"))
        told = _put(ops, hears, self.told, sigmoid)
        modes = _emit_filter(_put(ops, shaped, self.excite), self._poles(), ops)
        modes = put(ops, ir.Conv(None, adds=(modes,), steps=(ir.Film(told, None),)))
        ways = ((shaped, self.back), (bent, self.unbend), (modes, self.ring))
        terms = tuple(ir.Term(signal, numbers(weights)) for signal, weights in ways)
        return ir.Network(source, put(ops, ir.Conv(None, terms)), ops)


def _filtered(x: Tensor, log_a: Tensor, c: Tensor) -> Tensor:
    """Each channel of (batch, C, samples) through its pole (C, 1), read out by ``c``."""
    direct = torch.zeros(x.shape[1], dtype=x.dtype, device=x.device)
    return scan(x.transpose(0, 1).contiguous(), log_a, c, direct).transpose(0, 1)


def _emit_filter(source: ir.Signal, poles: tuple[Tensor, Tensor], ops: list[ir.Op]) -> ir.Signal:
    log_a, c = (part.detach().to(torch.complex128) for part in poles)
    poles_played, read_out = (numbers(torch.view_as_real(part)) for part in (torch.exp(log_a), c))
    made = ir.Signal(source.channels)
    direct = numbers(torch.zeros(source.channels))
    ops.append(ir.Ssm(source, made, poles_played, read_out, direct))
    return made


def _put(
    ops: list[ir.Op], source: ir.Signal, layer: nn.Conv1d, *steps: ir.Step, dilation: int = 1
) -> ir.Signal:
    term = ir.Term(source, numbers(layer.weight), dilation)
    return put(ops, ir.Conv(None, (term,), numbers(layer.bias), steps=steps))


def _causal(x: Tensor, weights: Tensor, dilation: int = 1) -> Tensor:
    """A convolution that looks back; the last tap is now."""
    padded = functional.pad(x, ((weights.shape[2] - 1) * dilation, 0))
    return functional.conv1d(padded, weights, dilation=dilation)


def _summed(x: Tensor, weights: Tensor) -> Tensor:
    """``_causal`` of many channels to one, (batch, samples): weights (1, C, taps).

    All taps by one product, then each row a sample later than the next: torch's convolution to a
    single channel takes ten times as long.
    """
    taps, samples = weights.shape[2], x.shape[2]
    rows = weights[0].T.flip(0) @ x  # the first row is of now
    skewed = functional.pad(rows, (0, taps)).flatten(1)[:, : taps * (samples + taps - 1)]
    return skewed.view(len(x), taps, -1).sum(1)[:, :samples]


def _bank(bands: int) -> Tensor:
    """(bands, 1, TAPS): gammatone filters, as far apart on the mel scale, each of gain 1.

    Patterson et al., An efficient auditory filterbank based on the gammatone function, 1987.
    """
    top = 2595.0 * math.log10(1.0 + 0.42 * RATE / 700.0)
    low = 2595.0 * math.log10(1.0 + LOWEST_HZ / 700.0)
    hertz = 700.0 * (10.0 ** (torch.linspace(low, top, bands) / 2595.0) - 1.0)
    apart = torch.gradient(hertz)[0].clamp_min(90.0)
    time = torch.arange(TAPS) / RATE
    made = torch.exp(-2.0 * math.pi * 0.6 * apart[:, None] * time) * time**1.5
    made = made * torch.cos(2.0 * math.pi * hertz[:, None] * (time - 1.5 / (4.0 * apart[:, None])))
    made = made * torch.linspace(1.0, 0.0, TAPS).sqrt()
    gain = torch.fft.rfft(made, 4096).abs().amax(1, keepdim=True)
    return (made / gain).flip(1)[:, None]


__all__ = ["Restyler"]
