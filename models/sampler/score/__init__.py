"""How good a dream is: measured criteria with limits, and controls that hold them to account."""

from models.sampler.score.limits import CRITERIA, LIMITS
from models.sampler.score.scored import Scored
from models.sampler.score.source import Source, score

__all__ = ["CRITERIA", "LIMITS", "Scored", "Source", "score"]
