"""What torch keeps of a training is written whole or not at all, and told in one line if not."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

import torch

from engine.cli import complaint
from models.checkpoint import save_checkpoint

WRITER = "[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0\nframe #0"
HIDDEN = "PytorchStreamWriter failed writing file data/0: file write failed"
DISK = r"checkpoint\.pt: cannot be written, the disk may be full; what was there before is whole"


def hidden(kept: Any, file: Any) -> None:
    file.write(b"half")
    raise RuntimeError(HIDDEN)


def behind_torchs_own(kept: Any, file: Any) -> None:
    try:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        raise RuntimeError(WRITER)


def plain(kept: Any, file: Any) -> None:
    file.write(b"half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("broken", [hidden, behind_torchs_own, plain])
def test_a_full_disk_is_one_line_and_leaves_what_was_there(
    broken: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})
    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(OSError, match=DISK.split(": ")[1]) as told:
        save_checkpoint(path, {"step": 2})
    said = complaint(told.value)
    assert said is not None and said.startswith(f"{path}: cannot be written") and "\n" not in said
    assert torch.load(path, weights_only=True) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_is_really_full_is_told_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.whole.os.urandom", bytes)  # so that the draft's name is known
    (tmp_path / ".checkpoint.pt.00000000.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="the disk may be full") as told:
        save_checkpoint(tmp_path / "checkpoint.pt", {"weights": torch.zeros(100_000)})
    assert told.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match=r"directory|exists"):
        save_checkpoint(tmp_path / "file" / "checkpoint.pt", {})


def test_what_is_no_fault_of_the_disk_is_not_called_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(kept: Any, file: Any) -> None:
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr(torch, "save", broken)
    with pytest.raises(RuntimeError, match="CUDA"):
        save_checkpoint(tmp_path / "checkpoint.pt", {})
