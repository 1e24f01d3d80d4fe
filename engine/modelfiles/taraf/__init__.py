"""Our own model file: a whole network as JSON, for what no other format can hold.

State spaces, grey boxes and any mixture of operations:

    {"format": "taraf", "version": 1, "sample_rate": 48000, "name": "...",
     "knobs": [{"name", "minimum", "maximum", "default", "low", "high"}, ...],
     "input": 1 + knobs, "signals": [channels, ...], "ops": [...], "output": number,
     "tags": {"author", "make", "model", "gear", "tone"}}

Signal 0 is the input, signal n the n-th of ``signals``. An operation is an object whose ``op``
says which and whose other keys are the fields of its class in ``engine.neural.ops``: a signal
is its number, weights are ``{"shape": [...], "f32": base64 of little-endian floats}``, a box is
what ``engine.boxes.documents`` makes of it. ``knobs`` may be missing: then they are named by
number and go from 0 to 1.
"""

from engine.modelfiles.taraf.reading import FORMAT, Body, read_taraf
from engine.modelfiles.taraf.writing import document_of, taraf_bytes, write_taraf

__all__ = ["FORMAT", "Body", "document_of", "read_taraf", "taraf_bytes", "write_taraf"]
