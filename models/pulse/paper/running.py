"""A trained network at work: the odds of every frame of a recording, and of what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.pulse.paper.baselines import NGram, Odds
from models.pulse.paper.networks import Network
from models.pulse.paper.symbols import Representation, Symbols
from models.pulse.paper.training import Plan

AT_ONCE = 4096  # windows in one go: 30 MB of an LSTM's gates


@dataclass(frozen=True)
class Windowed:
    """A network that is asked anew for every frame, with the last ``window`` frames from rest."""

    network: Network
    kind: Representation
    window: int

    def odds(self, symbols: Symbols) -> Odds:
        """Odds (frames, classes); the first ``window`` frames are all alike."""
        found = np.full((len(symbols), self.kind.classes), 1.0 / self.kind.classes)
        if len(symbols) > self.window:
            heard = self.kind.values(symbols[:-1])
            rows = np.lib.stride_tricks.sliding_window_view(heard, self.window)
            starts = range(0, len(rows), AT_ONCE)
            parts = [self._following(rows[at : at + AT_ONCE]) for at in starts]
            found[self.window :] = np.concatenate(parts)
        return found

    def _following(self, rows: Any) -> Odds:
        with torch.inference_mode():
            logits = self.network.eval().following(torch.from_numpy(np.ascontiguousarray(rows)))
        return _odds(logits)

    def begin(self, seeds: Symbols) -> tuple[Odds, Any]:
        """Odds (n, classes) of what follows each of ``seeds`` (n, frames), and a state."""
        heard = self.kind.values(seeds)[:, -self.window :]
        return self._following(heard), heard

    def step(self, symbols: Symbols, state: Any) -> tuple[Odds, Any]:
        """The same after one more symbol (n,) each."""
        fresh = self.kind.values(symbols)[:, None]
        heard = np.concatenate([state, fresh], axis=1)[:, -self.window :]
        return self._following(heard), heard


@dataclass(frozen=True)
class Stateful:
    """A network that hears every frame once and carries its state on, as it does live."""

    network: Network
    kind: Representation

    def odds(self, symbols: Symbols) -> Odds:
        """Odds (frames, classes); those of the first frame are all alike."""
        first = np.full((1, self.kind.classes), 1.0 / self.kind.classes)
        logits, _ = self._run(self.kind.values(symbols[:-1])[None], None)
        return np.concatenate([first, _odds(logits[0])])

    def begin(self, seeds: Symbols) -> tuple[Odds, Any]:
        """Odds (n, classes) of what follows each of ``seeds`` (n, frames), and the state."""
        logits, state = self._run(self.kind.values(seeds), None)
        return _odds(logits[:, -1]), state

    def step(self, symbols: Symbols, state: Any) -> tuple[Odds, Any]:
        """The same after one more symbol (n,) each."""
        logits, state = self._run(self.kind.values(symbols)[:, None], state)
        return _odds(logits[:, -1]), state

    def _run(self, heard: Any, state: Any) -> tuple[Tensor, Any]:
        with torch.inference_mode():
            logits, state = self.network.eval().run(torch.from_numpy(heard), state)
        return logits, state


@dataclass(frozen=True)
class Counted:
    """An n-gram that goes on from seeds."""

    model: NGram

    def begin(self, seeds: Symbols) -> tuple[Odds, Any]:
        """Odds (n, classes) of what follows each of ``seeds`` (n, frames), and what is recalled."""
        recalled = seeds[:, -max(1, self.model.context) :]
        return self.model.after(recalled), recalled

    def step(self, symbols: Symbols, state: Any) -> tuple[Odds, Any]:
        """The same after one more symbol (n,) each."""
        return self.begin(np.concatenate([state, symbols[:, None]], axis=1))


def predictor(
    plan: Plan, network: Network, kind: Representation, window: int
) -> Windowed | Stateful:
    """``network`` as ``plan`` says it is run."""
    return Stateful(network, kind) if plan.stateful else Windowed(network, kind, window)


def _odds(logits: Tensor) -> Odds:
    return np.asarray(logits.double().softmax(-1).numpy())


__all__ = ["Counted", "Stateful", "Windowed", "predictor"]
