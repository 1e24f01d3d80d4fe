"""The recordings that are measured on: excerpts of ../shared/data/music, one channel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from engine.bench.parts import Missing
from models.style.material import Material
from models.style.separate import Stems, separate
from models.style.settings import Settings
from models.style.sound import Recording, at_rate, read, recording, with_channels
from models.style.transfer import STOPPED, Result, transfer_of

DATA = Path(__file__).parents[4] / "shared" / "data" / "music"
RATE = 22_050
SECONDS, AT_S = 5.0, 5.0
"""An excerpt; where it begins, or as late as the recording allows."""
FILES = {
    "strings": "librosa-data/Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_"
    "(string_orchestra).hq.ogg",
    "song": "librosa-data/Karissa_Hobbs_-_Lets_Go_Fishin.hq.ogg",
    "celesta": "librosa-data/Kevin_MacLeod_-_P_I_Tchaikovsky_Dance_of_the_Sugar_Plum_Fairy.hq.ogg",
    "vibes": "librosa-data/Kevin_MacLeod_-_Vibe_Ace.hq.ogg",
    "trumpet": "librosa-data/sorohanro_-_solo-trumpet-06.hq.ogg",
    "electric piano": "mutopia-rendered/bach_wtk1_prelude1_epiano.flac",
    "guitar": "mutopia-rendered/carcassi_op60_7_nylon_guitar.flac",
    "piano": "mutopia-rendered/clair_first30s_piano.flac",
    "choir": "sonic-pi/ambi_choir.flac",
    "tabla": "sonic-pi/loop_tabla.flac",
    "drum loop": "sonic-pi/loop_breakbeat.flac",
    "electric guitar": "sonic-pi/guit_em9.flac",
}


@cache
def whole(name: str) -> Recording:
    """All of a recording at RATE, mono; Missing where it is not."""
    path = DATA / FILES[name]
    if not path.is_file():
        raise Missing(f"needs {path}")
    return at_rate(with_channels(read(path), 1), RATE)


def excerpt(name: str, seconds: float = SECONDS, at_s: float = AT_S) -> Recording:
    """Some seconds of it."""
    sound = whole(name)
    first = round(min(at_s, max(0.0, sound.seconds - seconds)) * RATE)
    return recording(sound.samples[:, first : first + round(seconds * RATE)], RATE, name)


def transferred(content: Recording, style: Recording, settings: Settings) -> Result:
    """A transfer to its end: what Ctrl-C has stopped is no figure."""
    result = transfer_of(Material(content, [style], settings)).run()
    if result.ended == STOPPED:
        raise KeyboardInterrupt
    return result


def separated(mix: Recording, examples: Sequence[Recording]) -> Stems:
    """A separation to its end."""
    found = separate(mix, examples)
    if found.ended == STOPPED:
        raise KeyboardInterrupt
    return found


__all__ = ["RATE", "SECONDS", "excerpt", "separated", "transferred", "whole"]
