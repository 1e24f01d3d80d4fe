"""Trains the networks of models.effects.networks on pairs.

trained = train(open_pairs("amp"), "ssm", Settings(minutes=5))
trained.module.to_network()
"""

from models.effects.training.loop import train
from models.effects.training.settings import RECIPES, Recipe, Settings, Trained, TrainingError

__all__ = ["RECIPES", "Recipe", "Settings", "Trained", "TrainingError", "train"]
