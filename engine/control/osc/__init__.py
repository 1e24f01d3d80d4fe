"""Open Sound Control: every knob has an address, and whoever turns it hears of the others.

    /rack/guitar/delay/time_ms 350.0      a plain value; without one, asks for it
    /preset/next 1.0                      an action: on press, not on release

The list of addresses is in the project's README.md.
"""

from engine.control.osc.places import OscError, Places, places
from engine.control.osc.surface import Osc

__all__ = ["Osc", "OscError", "Places", "places"]
