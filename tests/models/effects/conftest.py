"""What the tests of effects share: one thread, small folders of pairs, small networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ..pairs.folder import save

RATE = 16_000


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """torch's own threads meet at every operation: beside other programs they take minutes."""
    with suppress(ImportError):
        import torch

        torch.set_num_threads(1)


@pytest.fixture
def pairs_of(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder of one pair of noise: ``pairs_of(name, effect)`` -> its path."""

    def made(name: str, effect: Callable[[Any], Any], seconds: float = 3.0) -> Path:
        rng = np.random.default_rng(5)
        swell = 0.6 + 0.4 * np.sin(np.arange(round(seconds * RATE)) / 3000.0)
        dry = (0.2 * swell * rng.standard_normal(len(swell))).astype(np.float32)
        save(tmp_path / name / "dry" / "a.wav", dry, RATE)
        save(tmp_path / name / "wet" / "a.wav", effect(dry), RATE)
        return tmp_path / name

    return made


@pytest.fixture
def small_networks() -> Iterator[None]:
    """Two networks that learn in a second, and nothing else that is tried."""
    pytest.importorskip("torch")
    from models.effects import auto, networks
    from models.effects.networks.recurrent import Recurrent
    from models.effects.networks.ssm import SsmNetwork
    from models.effects.training import loop

    def short(network: Any) -> Any:
        network.warm_up = 64
        return network

    with pytest.MonkeyPatch.context() as patch:
        kinds = {
            "ssm-tiny": lambda name, k: short(SsmNetwork(name, k, blocks=1, channels=4, states=2)),
            "lstm-tiny": lambda name, k: short(Recurrent(name, k, hidden=3)),
        }
        for name, builder in kinds.items():
            patch.setitem(networks.ARCHITECTURES, name, builder)
        patch.setattr(auto, "HEATS", ("ssm-tiny", "lstm-tiny"))
        patch.setattr(auto, "RESIDUAL", "ssm-tiny")
        patch.setattr(loop, "PIECE_S", 0.05)
        patch.setattr(loop, "PREVIEW_S", 0.2)
        yield


def fir(dry: Any) -> Any:
    """A linear effect."""
    return np.convolve(dry, [0.5, 0.3, 0.0, -0.2])[: len(dry)]


def bent(dry: Any) -> Any:
    """An effect that bends, with a noise of its own that nobody can learn."""
    noise = np.random.default_rng(9).standard_normal(len(dry))
    return 0.3 * np.tanh(8.0 * dry) + 0.01 * noise
