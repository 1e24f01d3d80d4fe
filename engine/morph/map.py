"""A picture of a morph's sounds in two dimensions: those that sound alike lie near each other.

What is compared is heard, not coded: every note is decoded at PITCH at some moments of its life,
so that timbre counts and how it comes and goes, and its pitch does not. A sound is the mean of its
notes. Distances of mel cepstra become places by stress majorization, begun at the two principal
components; sounds of one family count as nearer than they are, so that families lie together.

    X_ij = NEARER^[family_i = family_j] |f_i - f_j|
    places = argmin sum_ij (X_ij - |p_i - p_j|)^2          (metric MDS)

Source: de Leeuw and Mair, Multidimensional scaling using majorization: SMACOF in R, 2009; the
figure ``kept``: Venna and Kaski, Neighborhood preservation in nonlinear projection methods, 2001.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from engine.morph.cepstra import cepstra
from engine.morph.decode import Coder, decoder_state
from engine.morph.grid import Array
from engine.morph.model import MorphModel, Note, conditions_of
from engine.morph.sounds import Sound, sounds_of
from engine.plugin import Place

Wide = npt.NDArray[np.float64]

PITCH, VELOCITY = 60, 100
MOMENTS_S = (0.02, 0.05, 0.1, 0.3, 1.0, 2.5)
"""Of a note that is held, from its beginning."""
RANGE_DB = 60.0
"""What is softer, below a note's loudest, does not count."""
NEARER = 0.4
"""Distance of sounds of one family against that of others: it brings back what two dimensions
lose. Of 52 instruments the share of neighbours that are of one's family is 0.32 with 1 and 0.38
with this, as to the ear (0.38; by chance 0.08), and ``kept`` stays at 0.97. Rejected, with 1:
principal components of the latents (0.24), t-SNE of them (0.34), discriminants (0.35, kept 0.81).
"""
ROUNDS, LEAST_ROUNDS, WORK = 300, 20, 2e7
"""Of majorization; of many sounds fewer, so that a thousand take a second."""
MOST = 1500
"""Of more sounds than that principal components are all there is, and figures are told of so many:
a matrix of all is too large."""
NEAR = 3
AT_ONCE = 256
"""Notes, so that those of a large model need no gigabyte."""
STRETCHED = 2.5
"""The narrower way is drawn so much wider at most, so that little differences stay little."""
BESIDE = 0.3
"""So much of their way from their sound notes are drawn: they are far apart, being of many pitches,
and would cover all."""


@dataclass(frozen=True, eq=False)
class Map:
    """Where sounds and notes lie, 0 to 1 across and up, and how well that fits."""

    sounds: tuple[Sound, ...]
    pitches: tuple[tuple[int, ...], ...]  # of each sound's notes
    points: Wide  # (sounds, 2)
    notes: Wide  # (notes, 2), in the model's order
    purity: float  # share of the NEAR nearest that are of one's family
    chance: float  # the same, of places by chance
    kept: float  # 1: the neighbours on the map are neighbours to the ear; 0.5: they are any

    def places(self) -> tuple[Place, ...]:
        """The sounds as a page shows them, by number."""
        return tuple(
            Place(sound.name, sound.family, float(x), float(y))
            for sound, (x, y) in zip(self.sounds, self.points, strict=True)
        )


def map_of(model: MorphModel) -> Map:
    """The map of a model's sounds; always the same of the same model."""
    sounds = sounds_of(model)
    families = [sound.family for sound in sounds]
    pitches = tuple(tuple(model.notes[n].pitch for n in sound.notes) for sound in sounds)
    if not sounds:
        none = np.zeros((0, 2))
        return Map((), (), none, none, 0.0, 0.0, 1.0)
    notes = heard(model)
    features = np.stack([notes[list(sound.notes)].mean(axis=0) for sound in sounds])
    middle, rows = _components(features)
    raw = (features - middle) @ rows
    if len(sounds) <= MOST:
        raw = majorized(_nearer(distances(features), families), raw)
    spread = np.zeros((len(model.notes), 2))
    for sound, feature, place in zip(sounds, features, raw, strict=True):
        own = list(sound.notes)
        spread[own] = place + BESIDE * (notes[own] - feature) @ rows
    low, wide = raw.min(axis=0), np.ptp(raw, axis=0)
    points, spots = (_filled(places, low, wide) for places in (raw, spread))
    some = np.linspace(0, len(sounds) - 1, min(len(sounds), MOST)).astype(np.intp)
    near, of = distances(points[some]), [families[k] for k in some]
    return Map(
        sounds, pitches, points, np.clip(spots, 0.0, 1.0), purity(near, of), _chance(of),
        trustworthiness(distances(features[some]), near),
    )  # fmt: skip


@lru_cache(maxsize=4)
def places_of(model: MorphModel) -> tuple[Place, ...]:
    """The map of a model as a page shows it; made once for a model that is kept."""
    return map_of(model).places()


def heard(model: MorphModel) -> Wide:
    """Every note as it is heard at PITCH: mel cepstra of MOMENTS_S, one after the other
    (notes, numbers)."""
    decode = Coder(decoder_state(model))
    told = np.tile(conditions_of(PITCH, VELOCITY, model.conditions), (len(MOMENTS_S), 1))
    moments = np.round(np.array(MOMENTS_S) * model.grid.rate / model.grid.hop)
    made = []
    for first in range(0, len(model.notes), AT_ONCE):
        rows = []
        for note in model.notes[first : first + AT_ONCE]:
            at = held(note, moments)
            levels = decode(np.concatenate([note.path[at], told], axis=1))
            levels += note.gain_db[at].astype(np.float32)[:, None]
            rows.append(np.maximum(levels - levels.max(), -RANGE_DB))
        found = cepstra(np.concatenate(rows)[:, None, :], model.grid)
        made.append(found.reshape(len(rows), -1))
    return np.concatenate(made)


def held(note: Note, frames: npt.ArrayLike) -> npt.NDArray[np.intp]:
    """Which of a note's frames are heard at these, counted from its beginning, while a key is held:
    its loop to and fro, or the last before its end."""
    k = np.asarray(frames, np.intp)
    low, high = note.loop_start, note.loop_end
    if high - low < 2:
        return np.minimum(k, max(note.release, 1) - 1)
    turn = (k - low) % (2 * (high - low) - 2)
    return np.where(k < high, k, low + np.minimum(turn, 2 * (high - low) - 2 - turn))


def distances(features: Array | Wide) -> Wide:
    """Of all to all (count, count)."""
    rows = np.asarray(features, np.float64)
    squares = np.square(rows).sum(axis=1)
    found = squares[:, None] + squares[None] - 2.0 * (rows @ rows.T)
    np.fill_diagonal(found, 0.0)
    return np.asarray(np.sqrt(np.maximum(found, 0.0)))


def majorized(wanted: Wide, places: Wide) -> Wide:
    """Places (count, 2) whose distances are near the wanted ones: Guttman's transform, again and
    again; the stress never rises."""
    count = len(wanted)
    for _ in range(int(min(ROUNDS, max(LEAST_ROUNDS, WORK / count**2)))):
        now = distances(places)
        share = np.divide(wanted, now, out=np.zeros_like(now), where=now > 1e-12)
        places = (share.sum(axis=1)[:, None] * places - share @ places) / count
    return places


def purity(apart: Wide, families: Sequence[str], near: int = NEAR) -> float:
    """The share of the ``near`` nearest of each that are of its family."""
    near = min(near, len(families) - 1)
    if near < 1:
        return 0.0
    names = np.asarray(families)
    return float((names[_ranked(apart)[:, :near]] == names[:, None]).mean())


def trustworthiness(apart: Wide, shown: Wide, near: int = 5) -> float:
    """Whether those that are shown as neighbours are: 1 if all, less by how far off they are."""
    count = len(apart)
    near = min(near, (count - 1) // 2)
    if near < 1:
        return 1.0
    ranks = np.argsort(_ranked(apart, whole=True), axis=1)
    far = np.take_along_axis(ranks, _ranked(shown)[:, :near], axis=1) + 1 - near
    worst = count * near * (2 * count - 3 * near - 1) / 2.0
    return float(1.0 - np.maximum(far, 0).sum() / worst)


def _ranked(apart: Wide, whole: bool = False) -> npt.NDArray[np.intp]:
    """Of each the others, the nearest first; itself the last, left out unless ``whole``."""
    others = apart.copy()
    np.fill_diagonal(others, np.inf)
    order = np.argsort(others, axis=1, kind="stable")
    return order if whole else order[:, :-1]


def _chance(families: Sequence[str]) -> float:
    names = np.asarray(families)
    if len(names) < 2:
        return 0.0
    same = (names[:, None] == names[None]).sum(axis=1) - 1
    return float(same.mean() / (len(names) - 1))


def _nearer(apart: Wide, families: Sequence[str]) -> Wide:
    names = np.asarray(families)
    return np.where(names[:, None] == names[None], NEARER * apart, apart)


def _components(features: Wide) -> tuple[Wide, Wide]:
    """The mean and the two directions (numbers, 2) along which most differs, signs by a rule."""
    middle = features.mean(axis=0)
    found = np.linalg.svd(features - middle, full_matrices=False)[2][:2]
    rows = np.zeros((features.shape[1], 2))
    for k, row in enumerate(found):
        rows[:, k] = row if row[np.argmax(np.abs(row))] > 0.0 else -row
    return middle, rows


def _filled(places: Wide, low: Wide, wide: Wide) -> Wide:
    """From 0 to 1 both ways, as far as that stretches neither way too much; the rest is margin."""
    over = np.maximum(wide, max(float(wide.max()) / STRETCHED, 1e-9))
    return np.asarray(0.5 + (places - low - 0.5 * wide) / over)


__all__ = ["Map", "distances", "heard", "held", "majorized", "map_of", "places_of", "purity",
           "trustworthiness"]  # fmt: skip
