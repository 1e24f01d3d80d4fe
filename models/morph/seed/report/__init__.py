"""One page of HTML: the thesis's five questions, answered with figures, pictures and sounds."""

from models.morph.seed.report.page import report

__all__ = ["report"]
