"""An accompanist's library as MIDI files: Musical MIDI Accompaniment plays each of its grooves.

The program and its library are free (Debian: ``mma``, GPL-2+): a thousand grooves of many styles.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from models.pulse.errors import Absent, PulseError

BARS = 40
FILL_EVERY = 4  # bars
SILENT = "No data created"  # what mma says of a groove in which nobody plays
CHORDS = ("C", "F", "G7", "Am", "Dm")
_DEFINED = re.compile(r"^\s*defgroove\s+(\S+)", re.IGNORECASE | re.MULTILINE)
_ENDS = re.compile(r"(intro|end|ending|brk|break)\d*$", re.IGNORECASE)
_FILL = re.compile("fill", re.IGNORECASE)


def play_library(
    library: Path, folder: Path, threads: int = 1,
    told: Callable[[float], None] = lambda share: None,
) -> None:  # fmt: skip
    """Play every groove of a library of Musical MIDI Accompaniment into MIDI files in ``folder``.

    ``library`` holds its .mma files, at any depth; the program mma plays ``BARS`` bars of each
    groove, with its file's fills. Files that are there are kept. Raises PulseError.
    """
    songs = dict(song for file in sorted(library.rglob("*.mma")) for song in _songs(file, library))
    songs = {name: song for name, song in songs.items() if not (folder / f"{name}.mid").is_file()}
    program = shutil.which("mma")
    if songs and program is None:
        raise Absent(f"{library}: its grooves are played by mma, which is not installed")
    folder.mkdir(parents=True, exist_ok=True)

    def play(name: str) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            source, made = Path(place) / "song.mma", Path(place) / "song.mid"
            source.write_text(songs[name])
            done = subprocess.run(
                [str(program), str(source), "-f", str(made)], capture_output=True, text=True
            )
            if SILENT in done.stdout:
                return
            if done.returncode or not made.is_file():
                why = " ".join(done.stdout.split("Error:")[-1].split())[-200:]
                raise PulseError(f"{library}: mma cannot play {name}: {why}")
            made.replace(folder / f"{name}.mid")

    with ThreadPoolExecutor(threads) as pool:
        try:
            for number, _ in enumerate(pool.map(play, songs), 1):
                told(number / len(songs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _songs(file: Path, library: Path) -> Iterable[tuple[str, str]]:
    """Each groove of a library's file as a song of ``BARS`` bars, by a name for its file."""
    try:
        defined = _DEFINED.findall(file.read_text(errors="replace"))
    except OSError as error:
        raise PulseError(f"{file}: cannot be read: {error.strerror}") from None
    inside = str(file.resolve().with_suffix(""))
    fills = [name for name in defined if _FILL.search(name)]
    for name in defined:
        if name in fills or _ENDS.search(name):
            continue
        stem = re.sub(r"\d.*$", "", name).lower()[:4]
        own = [fill for fill in fills if fill.lower().startswith(stem)]
        lines, before = ["RndSeed 1", "Tempo 118"], ""
        for bar in range(BARS):
            fill = bool(own) and bar % FILL_EVERY == FILL_EVERY - 1
            groove = own[bar // FILL_EVERY % len(own)] if fill else name
            if groove != before:  # it begins anew, and what the other alone has falls silent
                lines += ["SeqClear", f"Groove {inside}:{groove}"]
            lines.append(f"{bar + 1} {CHORDS[bar % len(CHORDS)]}")
            before = groove
        told = "-".join([*file.relative_to(library).with_suffix("").parts, name])
        yield re.sub(r"[^\w+-]", "_", told), "\n".join([*lines, ""])


__all__ = ["play_library"]
