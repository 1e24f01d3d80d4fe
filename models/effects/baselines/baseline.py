"""A baseline that was trained: it plays, is saved in a small file and opened again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.whole import whole
from models.effects.baselines.nets import MADE, NETS

Audio = NDArray[np.float32]
PIECE = 1000 * MADE  # frames made at once, at most
KIND = "kind"


class BaselineError(ValueError):
    """A baseline that is not known, or a file that holds none."""


class Baseline:
    """One of ``NETS`` with its weights."""

    def __init__(self, kind: str, seed: int = 1) -> None:
        if kind not in NETS:
            raise BaselineError(f"no baseline is called {kind}; there are {', '.join(NETS)}")
        self.kind = kind
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.net: Any = NETS[kind]()

    @property
    def weights(self) -> int:
        """How many numbers it has learnt."""
        return sum(weight.numel() for weight in self.net.parameters())

    def play(self, dry: Audio) -> Audio:
        """Return what it makes of ``dry`` (frames,), which silence goes before."""
        frames, past = len(dry), self.net.past
        piece = min(PIECE, max(1, -(-frames // MADE)) * MADE)
        whole = -(-frames // piece) * piece
        room = np.pad(np.asarray(dry, np.float32), (past, whole - frames))
        made = [np.zeros(0, np.float32)]
        with torch.inference_mode():
            for start in range(0, whole, piece):
                part = torch.from_numpy(room[start : start + past + piece])
                made.append(self.net.made(part.unsqueeze(0))[0].numpy())
        return np.concatenate(made)[:frames]

    def save(self, path: Path) -> None:
        """Write it whole or not at all, weights in half precision."""
        state = {name: weight.numpy() for name, weight in self.net.state_dict().items()}
        kept: dict[str, Any] = {KIND: np.array(self.kind)}
        kept |= {name: weight.astype(np.float16) for name, weight in state.items()}
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part, part.open("wb") as file:
            np.savez_compressed(file, **kept)


def load_baseline(path: Path) -> Baseline:
    """Return a baseline that was saved; BaselineError in one line if there is none."""
    try:
        with np.load(path, allow_pickle=False) as file:
            kept = dict(file)
        baseline = Baseline(str(kept.pop(KIND)))
        state = {name: torch.from_numpy(w.astype(np.float32)) for name, w in kept.items()}
        baseline.net.load_state_dict(state)
    except BaselineError as error:
        raise BaselineError(f"{path}: {error}") from None
    except FileNotFoundError:
        raise BaselineError(f"{path}: there is no such file") from None
    except Exception:  # numpy, zipfile and torch raise a dozen kinds for what is no such file
        raise BaselineError(f"{path}: it is no baseline that was saved") from None
    return baseline
