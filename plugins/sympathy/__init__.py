"""Loops that answer as sympathetic strings do: what is played decides which of them sound."""

from plugins.sympathy.plugin import Sympathy

__all__ = ["Sympathy"]
