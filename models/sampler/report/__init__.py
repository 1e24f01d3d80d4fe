"""One page of HTML for each training: to see, hear and read what was learnt."""

from models.sampler.report.dream import Dream, History
from models.sampler.report.page import page, write_report
from models.sampler.report.training import report_training

__all__ = ["Dream", "History", "page", "report_training", "write_report"]
