"""How good a beat follower is: excerpts nothing was trained on, scores, and baselines."""

from __future__ import annotations

from models.pulse.judging.announced import Announced, Tracker, flux, follower
from models.pulse.judging.baselines import installed
from models.pulse.judging.excerpts import Excerpt
from models.pulse.judging.scores import score
from models.pulse.judging.sets import ABOUT, FREE, SETS, development_excerpts, excerpts
from models.pulse.judging.tables import judge, quick, show

__all__ = ["ABOUT", "FREE", "SETS", "Announced", "Excerpt", "Tracker", "development_excerpts",
           "excerpts", "flux", "follower", "installed", "judge", "quick", "score",
           "show"]  # fmt: skip
