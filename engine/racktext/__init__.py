"""A rack as TOML text.

name = "Crunch"
about = "Edge of breakup"

[[lane]]
name = "guitar"
input = "left"              # left, right, mono, stereo or none

[[lane.plugin]]
use = "delay"               # which plugin; `name` only where two are alike
time_ms = 350.0

[[master]]
use = "limiter"
"""

from engine.racktext.reader import Loaded, PresetError, parse
from engine.racktext.writer import dump

__all__ = ["Loaded", "PresetError", "dump", "parse"]
