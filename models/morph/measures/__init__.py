"""How good a model of notes is, and a morph: figures with their formulas, and what to beat."""

from models.morph.measures.baselines import Pca, between_db, crossfade
from models.morph.measures.crossing import residual
from models.morph.measures.path import PathFigures, judge_path, together
from models.morph.measures.pitch import cents
from models.morph.measures.spectra import (
    convergence_db,
    decibels,
    heard,
    linear,
    lsd_db,
    magnitudes,
    rmse_db,
)
from models.morph.measures.timbre import centroid_hz, mfcc, mfcc_distance

__all__ = [
    "PathFigures",
    "Pca",
    "between_db",
    "centroid_hz",
    "cents",
    "convergence_db",
    "crossfade",
    "decibels",
    "heard",
    "judge_path",
    "linear",
    "lsd_db",
    "magnitudes",
    "mfcc",
    "mfcc_distance",
    "residual",
    "rmse_db",
    "together",
]
