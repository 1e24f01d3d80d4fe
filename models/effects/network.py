"""A recurrent network that learns one setting of an effect, with the input added at the end.

LSTM, one dense layer and a skip, after Wright, Damskägg, Juvela & Välimäki, Real-Time Guitar
Amplifier Emulation with Deep Learning, Applied Sciences 10(3), 2020.
"""

import math

import torch
from torch import Tensor, nn

LONGEST_SAMPLES = 300.0  # a high-pass at 110 Hz has settled by then
STATE = {"h_in": "h_out", "c_in": "c_out"}


class Recurrent(nn.Module):  # type: ignore[misc]
    """Input (frames, batch, 1) and two states (1, batch, hidden) to the same, one hop on.

    ``input_gain`` lifts the signal to where an LSTM bends: with a gain of 30 dB and more the
    weights would have to grow for most of the training.
    """

    def __init__(self, hidden: int, input_gain: float) -> None:
        super().__init__()
        self.hidden = hidden
        self.input_gain = input_gain
        self.lstm = nn.LSTM(1, hidden)
        self.dense = nn.Linear(hidden, 1)
        self._remember_for(LONGEST_SAMPLES)

    def forward(self, audio: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the effect's sound and the states for what comes next."""
        seen, (h, c) = self.lstm(audio * self.input_gain, (h, c))
        return self.dense(seen) + audio, h, c

    def _remember_for(self, longest: float) -> None:
        """Start each cell forgetting at its own pace, from 2 to ``longest`` frames.

        Tallec & Ollivier, Can Recurrent Neural Networks Warp Time?, ICLR 2018. Without it the
        high-pass at 110 Hz is found late or never.
        """
        bias = torch.linspace(0.0, math.log(longest - 1.0), self.hidden)
        with torch.no_grad():
            self.lstm.bias_hh_l0.zero_()
            self.lstm.bias_ih_l0.zero_()
            self.lstm.bias_ih_l0[: 2 * self.hidden] = torch.cat((-bias, bias))

    def silence(self, batch: int = 1) -> dict[str, Tensor]:
        """Return the states before the first frame."""
        return {name: torch.zeros(1, batch, self.hidden) for name in STATE}
