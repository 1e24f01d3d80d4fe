"""Recordings to learn: those under one folder, and those that were uploaded. No others."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from engine.sampler.errors import SamplerError
from engine.soundfiles import SoundReader
from models.sampler.folder import writing

KINDS = (
    "aif", "aifc", "aiff", "au", "caf", "flac", "mp3", "oga", "ogg", "opus", "rf64", "w64", "wav",
)  # fmt: skip
MOST, DEEPEST, MOST_FOLDERS = 1000, 5, 2000
LARGEST = 1 << 30
"""Bytes of an uploaded recording: an hour and a half of stereo at 48 kHz and 16 bits."""
UPLOADS = "recordings"
UPLOADED = "uploaded: "
NAME = 80


class Sources:
    """The recordings under ``folder``, but for those in ``runs``, where uploads go."""

    def __init__(self, folder: Path, runs: Path) -> None:
        self.folder, self._runs = folder.resolve(), runs.resolve()
        self.uploads = self._runs / UPLOADS

    def listed(self) -> list[str]:
        """What may be chosen, by name; the first thousand of a large folder."""
        found = self._under(self.uploads, UPLOADED) if self.uploads.is_dir() else []
        return found + self._under(self.folder, "")

    def path(self, name: str) -> Path:
        """The file of a listed name; SamplerError if it is none or lies elsewhere."""
        of, told = self.folder, name
        if name.startswith(UPLOADED):
            of, told = self.uploads, name.removeprefix(UPLOADED)
        with suppress(OSError, ValueError):
            path = (of / told).resolve()
            if told and path.is_relative_to(of) and path.is_file():
                return path
        raise SamplerError(f"source = {name}: there is no such file; a sound file is wanted")

    async def upload(self, name: str, pieces: AsyncIterator[bytes]) -> str:
        """Keep a recording; tells its name in the list. SamplerError, SoundError in one line."""
        path = self._free(name)
        part = path.with_name(f".{path.name}.part{path.suffix}")
        with writing(path):
            self.uploads.mkdir(parents=True, exist_ok=True)
            try:
                with part.open("wb") as file:
                    async for piece in pieces:
                        if file.tell() + len(piece) > LARGEST:
                            most = f"{LARGEST >> 20} MB"
                            raise SamplerError(f"{name}: is too large; at most {most} are taken")
                        file.write(piece)
                self._check(part, name)
                os.replace(part, path)
            finally:
                part.unlink(missing_ok=True)
        return UPLOADED + path.name

    def _free(self, name: str) -> Path:
        """A name that is safe and not taken yet."""
        plain = Path(re.sub(r"[^\w.+ -]+", "-", name.replace("\\", "/").rsplit("/", 1)[-1]))
        kind = plain.suffix.lower()
        if kind.removeprefix(".") not in KINDS:
            allowed = ", ".join(KINDS)
            raise SamplerError(f"{name}: is no sound file by its name; allowed are {allowed}")
        stem = plain.stem[:NAME].strip(" .-") or "recording"
        names = (f"{stem}{'' if k == 1 else f'-{k}'}{kind}" for k in range(1, 10_000))
        return next(self.uploads / one for one in names if not (self.uploads / one).exists())

    def _check(self, part: Path, name: str) -> None:
        from engine.soundfiles import SoundError

        try:
            with SoundReader(part) as reader:
                next(reader.pieces(), None)
        except SoundError as error:
            raise SamplerError(str(error).replace(str(part), name)) from None

    def _under(self, top: Path, prefix: str) -> list[str]:
        found: list[str] = []
        for seen, (at, folders, names) in enumerate(os.walk(top)):
            here = Path(at)
            deep = len(here.relative_to(top).parts)
            folders[:] = sorted(
                name for name in folders
                if deep < DEEPEST and not name.startswith((".", "__")) and here / name != self._runs
            )  # fmt: skip
            found += [
                prefix + (here / name).relative_to(top).as_posix()
                for name in sorted(names)
                if not name.startswith(".") and name.rpartition(".")[2].lower() in KINDS
            ]
            if len(found) >= MOST or seen >= MOST_FOLDERS:
                break
        return found[:MOST]


__all__ = ["Sources"]
