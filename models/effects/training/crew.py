"""One step of learning, the rows of a batch shared out to threads.

Each thread has rows of its own and meets the others once a step. torch's own threads meet at
every operation: where another program kept one of two cores busy, a step of the ssm took them
1.3 s, and 0.09 s one thread alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from models.effects.dataset import Batch
from models.effects.losses import Loss
from models.effects.networks import EffectNetwork

LARGEST_GRADIENT = 1.0


class Crew:
    """Learns with a number of threads; on a GPU one is enough."""

    def __init__(self, network: EffectNetwork, loss: Loss, floor: float, threads: int) -> None:
        self.network, self.loss, self.floor = network, loss, floor
        self.weights = [weight for weight in network.parameters() if weight.requires_grad]
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads, initializer=_alone)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def each(self, work: Callable[..., Any], parts: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Return what ``work`` makes of each part, in their order."""
        if len(parts) == 1:
            return [work(*parts[0])]
        return list(self._pool.map(lambda part: work(*part), parts))

    def learn(self, optimiser: torch.optim.Optimizer, batch: Batch, truncate: int) -> float:
        """Update the weights on a batch; return the mean loss. Not finite: nothing is updated."""
        parts = self.share(batch)
        if not truncate:
            return self._update(optimiser, self.each(self._whole, parts))
        warm_up, frames = self.network.warm_up, batch[0].shape[1]
        states = self.each(self._warmed, parts)
        losses = []
        for start in range(warm_up, frames - truncate + 1, truncate):
            rows = [(*p, s, start, truncate) for p, s in zip(parts, states, strict=True)]
            done = self.each(self._window, rows)
            states = [state for *_, state in done]
            losses.append(self._update(optimiser, [found[:2] for found in done]))
        return sum(losses) / len(losses)

    def play(self, batch: Batch) -> Tensor:
        """Return what the network makes of dry rows without the warm-up, (batch, frames)."""
        return torch.cat(self.each(self._play, self.share(batch)))

    def share(self, batch: Batch) -> list[Batch]:
        """Return the rows in as many parts as there are threads."""
        dry, wet, controls = batch
        count = min(self.threads, len(dry))
        split = (dry.tensor_split(count), wet.tensor_split(count))
        beside = [None] * count if controls is None else controls.tensor_split(count)
        return list(zip(*split, beside, strict=True))

    def _play(self, dry: Tensor, _: Tensor, controls: Tensor | None) -> Tensor:
        with torch.inference_mode():
            out: Tensor = self.network(dry, controls)[:, self.network.warm_up :]
            return out

    def _whole(self, dry: Tensor, wet: Tensor, controls: Tensor | None) -> tuple[Tensor, Any]:
        warm_up = self.network.warm_up
        out = self.network(dry, controls)[:, warm_up:]
        return self._gradients(out, wet[:, warm_up:])

    def _warmed(self, dry: Tensor, _: Tensor, controls: Tensor | None) -> Any:
        heard = slice(0, self.network.warm_up)
        with torch.no_grad():
            return self.network.run(dry[:, heard], _moving(controls, heard))[1]

    def _window(
        self, dry: Tensor, wet: Tensor, controls: Tensor | None, state: Any, start: int, count: int
    ) -> tuple[Tensor, Any, Any]:
        heard = slice(start, start + count)
        out, state = self.network.run(dry[:, heard], _moving(controls, heard), state)
        loss, gradients = self._gradients(out, wet[:, heard])
        held = (part.detach() for part in state) if isinstance(state, tuple) else state.detach()
        return loss, gradients, tuple(held) if isinstance(state, tuple) else held

    def _gradients(self, out: Tensor, wet: Tensor) -> tuple[Tensor, Any]:
        loss = self.loss(out, wet, self.floor) * len(out)
        # the last 1x1 of a WaveNet reaches nothing: its gradient is zero
        gradients = torch.autograd.grad(loss, self.weights, materialize_grads=True)
        return loss.detach(), (gradients, len(out))

    def _update(self, optimiser: torch.optim.Optimizer, done: Sequence[Any]) -> float:
        rows = sum(count for _, (_, count) in done)
        loss: float = sum(loss.item() for loss, _ in done) / rows
        for weight, *found in zip(self.weights, *(g for _, (g, _) in done), strict=True):
            weight.grad = sum(found) / rows
        norm = torch.nn.utils.clip_grad_norm_(self.weights, LARGEST_GRADIENT)
        if not torch.isfinite(norm):
            return float("nan")
        optimiser.step()
        return loss


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep torch from splitting single operations while the threads split the rows."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _alone() -> None:
    torch.set_num_threads(1)


def _moving(controls: Tensor | None, heard: slice) -> Tensor | None:
    return controls if controls is None or controls.dim() == 2 else controls[:, :, heard]
