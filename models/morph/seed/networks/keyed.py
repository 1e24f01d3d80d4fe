"""Our best linear coder: components of time, and for each key its own components of frequency.

The partials of a key lie where they lie, whoever plays: told the key, a coder need not spend
numbers on it. A key's components are learnt from its neighbours too, their frequencies scaled so
that partials meet, and from all keys a little: no key has notes enough by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from models.morph.seed.networks.autoencoder import Autoencoder
from models.morph.seed.networks.separable import largest

TIMES = 32  # components of time
OWN = 16  # of them so many have rows of each key
NEAR = 2.0  # standard deviation, in keys, of how much neighbours count
REACH = 4  # keys to each side
SHARED = 0.3  # of the covariance is that of all keys
TRIED = 5  # keys that tell how the code is shared out over the components of time
ROUNDS = 10  # of encoding: the floor's bins come to what is decoded there
Batches = Callable[[], Iterator[tuple[Tensor, Tensor]]]


class Keyed(Autoencoder):
    """Orthonormal components, no gradient: encoded by projection, and what is under the floor free.

    Between two keys both are decoded. A key beyond those that were learnt is the nearest of them.
    """

    below = 0.2
    mean: Tensor
    times: Tensor
    column: Tensor
    keys: Tensor
    rows: Tensor
    offsets: Tensor

    def __init__(self, bins: int, frames: int, code: int) -> None:
        super().__init__(bins, frames, code)
        times = min(TIMES, frames)
        self.register_buffer("mean", torch.zeros(bins, frames))
        self.register_buffer("times", torch.zeros(frames, times))
        self.register_buffer("column", torch.zeros(code, dtype=torch.long))
        self._learnt(torch.tensor([60]))

    def _learnt(self, keys: Tensor) -> None:
        count, times = len(keys), self.times.shape[1]
        self.register_buffer("keys", keys)
        self.register_buffer("rows", torch.zeros(count, self.code, self.bins, dtype=torch.half))
        self.register_buffer("offsets", torch.zeros(count, times, self.bins))

    def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *rest: Any) -> None:
        """As many keys as were learnt."""
        if prefix + "keys" in state:
            self._learnt(torch.zeros_like(state[prefix + "keys"]))
        super()._load_from_state_dict(state, prefix, *rest)

    @property
    def weights(self) -> int:
        """Numbers that are fitted."""
        return sum(one.numel() for one in (self.mean, self.times, self.rows, self.offsets))

    def fit(self, batches: Batches) -> None:
        """Find the components of notes; ``batches`` can be gone through again."""
        total, count = torch.zeros(self.bins, self.frames), 0
        for values, _ in batches():
            total += values.sum(0)
            count += len(values)
        self.mean.copy_(total / max(count, 1))
        over_time = torch.zeros(self.frames, self.frames)
        for values, _ in batches():
            off = (values - self.mean).flatten(0, 1)
            over_time += off.T @ off
        self.times.copy_(largest(over_time)[1][:, : self.times.shape[1]])
        parts, pitches = [], []
        for values, keys in batches():
            parts.append(((values - self.mean) @ self.times).transpose(1, 2).half())
            pitches.append(keys.round().long())
        self._fit_rows(Rows(torch.cat(parts), torch.cat(pitches)))

    def _fit_rows(self, found: Rows) -> None:
        """Each key's rows, from the middle to both ends, each turned towards its neighbour's."""
        span = range(int(found.pitches.min()), int(found.pitches.max()) + 1)
        self._learnt(torch.tensor([key for key in span if found.near(key)]))
        self.column.copy_(self._shared_out(found))
        columns = [int(k) for k in self.column.unique()]
        every = {k: largest(found.of_all(k))[1].T for k in columns if k >= OWN}
        middle = len(self.keys) // 2
        for place in [*range(middle, len(self.keys)), *range(middle - 1, -1, -1)]:
            beside = place + (-1 if place > middle else 1) if place != middle else None
            for k in columns:
                mask = self.column == k
                count = int(mask.sum())
                if k in every:
                    self.rows[place, mask] = every[k][:count].half()
                    continue
                mean, square = found.of(int(self.keys[place]), k)
                rows = largest(square)[1][:, :count].T
                if beside is not None:
                    higher = int(self.keys[beside] - self.keys[place])
                    rows = turned(rows, scaled(self.rows[beside, mask].float(), higher))
                self.offsets[place, k] = mean
                self.rows[place, mask] = rows.half()

    def _shared_out(self, found: Rows) -> Tensor:
        """For each number of the code its component of time, sorted: the strongest pairs."""
        few = torch.linspace(0, len(self.keys) - 1, min(TRIED, len(self.keys))).long()
        sizes = []
        for k in range(self.times.shape[1]):
            keys = [int(key) for key in self.keys[few]]
            squares = [found.of(key, k)[1] for key in keys] if k < OWN else [found.of_all(k)]
            sizes.append(sum(torch.linalg.eigvalsh(one).flip(0) for one in squares) / len(squares))
        order = torch.stack(sizes).flatten().argsort(descending=True)[: self.code]
        return (order // self.bins).sort().values

    def encode(self, values: Tensor, pitches: Tensor) -> Tensor:
        """The codes (n, code); what is at the floor may come back as anything below it."""
        silent = values <= 0.0
        heard = values
        for _ in range(ROUNDS):
            codes = self._projected(heard, pitches)
            made = self.decode(codes, pitches)
            heard = torch.where(silent, made.clamp(max=0.0), values)
        return self._projected(heard, pitches)

    def _projected(self, values: Tensor, pitches: Tensor) -> Tensor:
        parts = ((values - self.mean) @ self.times).transpose(1, 2)
        made = parts.new_zeros(len(values), self.code)
        places = self._places(pitches.round())
        for place in places.unique():
            mask = places == place
            off, rows = parts[mask] - self.offsets[place], self.rows[place].float()
            made[mask] = torch.cat([off[:, k] @ rows[at].T for k, at in self._columns()], 1)
        return made

    def decode(self, codes: Tensor, pitches: Tensor) -> Tensor:
        """The values (n, bins, frames)."""
        low = pitches.floor()
        share = (pitches - low)[:, None, None]
        made = self._parts(codes, low)
        if bool((share > 0.0).any()):
            made = made + share * (self._parts(codes, low + 1.0) - made)
        return self.mean + made.transpose(1, 2) @ self.times.T

    def _parts(self, codes: Tensor, keys: Tensor) -> Tensor:
        """(n, times, bins) of whole keys."""
        places = self._places(keys)
        parts = self.offsets[places].clone()
        for place in places.unique():
            mask, rows = places == place, self.rows[place].float()
            for k, at in self._columns():
                parts[mask, k] += codes[mask, at] @ rows[at]
        return parts

    def _columns(self) -> list[tuple[int, slice]]:
        """Components of time, and which numbers of the code are theirs."""
        counts = torch.bincount(self.column, minlength=self.times.shape[1]).tolist()
        ends = [sum(counts[: k + 1]) for k in range(len(counts))]
        return [(k, slice(ends[k] - n, ends[k])) for k, n in enumerate(counts) if n]

    def _places(self, pitches: Tensor) -> Tensor:
        return (pitches[:, None] - self.keys).abs().argmin(1)


class Rows:
    """The components of time of all notes, (n, times, bins), and what varies in them."""

    def __init__(self, parts: Tensor, pitches: Tensor) -> None:
        self.parts, self.pitches = parts, pitches
        self._all: dict[int, Tensor] = {}

    def near(self, key: int) -> bool:
        """Whether a note of this key is there, or of the next."""
        return bool(((self.pitches - key).abs() <= 1).any())

    def of_all(self, column: int) -> Tensor:
        """The second moments (bins, bins) over all keys."""
        if column not in self._all:
            given = self.parts[:, column].float()
            self._all[column] = given.T @ given / len(given)
        return self._all[column]

    def of(self, key: int, column: int) -> tuple[Tensor, Tensor]:
        """A key's mean (bins,) and covariance (bins, bins), with its neighbours and all others."""
        rows, weights = [], []
        for step in range(-REACH, REACH + 1):
            mask = self.pitches == key + step
            if mask.any():
                rows.append(scaled(self.parts[mask, column].float(), step))
                weights.append(torch.full((len(rows[-1]),), -0.5 * (step / NEAR) ** 2).exp())
        given, share = torch.cat(rows), torch.cat(weights)
        share = share / share.sum()
        mean = share @ given
        off = (given - mean) * share.sqrt()[:, None]
        return mean, (1.0 - SHARED) * (off.T @ off) + SHARED * self.of_all(column)


def scaled(rows: Tensor, keys: int) -> Tensor:
    """Rows (n, bins) of a note so many keys higher as they would be of this one."""
    bins = rows.shape[1]
    source = (torch.arange(bins) * 2.0 ** (keys / 12.0)).clamp(max=bins - 1.0)
    low = source.long()
    share = source - low
    return rows[:, low] * (1.0 - share) + rows[:, (low + 1).clamp(max=bins - 1)] * share


def turned(rows: Tensor, towards: Tensor) -> Tensor:
    """The same space's rows that are nearest to others: so a number means the same for each key."""
    left, _, right = torch.linalg.svd(towards @ rows.T)
    return (left @ right) @ rows


__all__ = ["Keyed"]
