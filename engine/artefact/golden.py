"""Reads the golden take of a model: sound in and out to test every player against."""

import struct
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.artefact.card import need_file, refuse

# What numpy.load raises for a file that is torn or of another kind.
TORN = (EOFError, IndexError, MemoryError, OSError, OverflowError, struct.error, zlib.error)
FOREIGN = (AttributeError, RuntimeError, SyntaxError, TypeError, ValueError)
PACKED = (zipfile.BadZipFile, tokenize.TokenError)


def read_golden(path: Path, hop: int, knobs: int) -> dict[str, NDArray[np.float32]]:
    """Return the take of a network that plays in hops and has this many knobs."""
    need_file(path)
    names = ("audio", "audio_out", *(["knobs"] if knobs else []))
    try:
        with np.load(path, allow_pickle=False) as take:
            golden = {name: np.asarray(take[name], dtype=np.float32) for name in names}
    except KeyError:
        refuse(path, f"must hold the arrays {', '.join(names)}")
    except (*TORN, *FOREIGN, *PACKED) as error:
        refuse(path, f"not a golden take: {error}")
    _check(path, golden, hop, knobs)
    return golden


def _check(path: Path, golden: dict[str, NDArray[np.float32]], hop: int, knobs: int) -> None:
    """Refuse a take that no player could replay."""
    audio, out = golden["audio"], golden["audio_out"]
    if audio.ndim != 1 or audio.shape != out.shape or not len(audio) or len(audio) % hop:
        shapes = f"audio {audio.shape} and audio_out {out.shape}"
        refuse(path, f"{shapes} are not both (frames,), a multiple of hop_samples = {hop}")
    if knobs and golden["knobs"].shape != (1, knobs):
        refuse(path, f"knobs {golden['knobs'].shape} is not (1, {knobs})")
    if not all(np.isfinite(array).all() for array in golden.values()):
        refuse(path, "holds values that are not finite")
