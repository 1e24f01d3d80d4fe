"""Only arithmetic gets onto the audio thread, and it is compiled once."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import noise, rack

from engine import native
from engine.kernel import kernel
from engine.plugin import Plugin
from engine.rack import Link, RackError
from engine.render import play

FACTOR = 2.0


@kernel
def helped(x: float) -> float:
    return x * np.float32(FACTOR)


class Allocates(Plugin):
    """Makes an array for every block."""

    @kernel
    def process(audio: Any, knobs: Any, state: Any) -> None:
        copy = np.zeros(audio.shape[1], np.float32)
        for i in range(audio.shape[1]):
            copy[i] = audio[0, i]
            audio[0, i] = copy[i // 2]


class Prints(Plugin):
    """Talks on the audio thread."""

    @kernel
    def process(audio: Any, knobs: Any, state: Any) -> None:
        print(audio[0, 0])


class Doubles(Plugin):
    """Uses a helper, a constant and the maths library."""

    @kernel
    def process(audio: Any, knobs: Any, state: Any) -> None:
        for i in range(audio.shape[1]):
            audio[0, i] = helped(math.tanh(audio[0, i]))


@kernel
def second_half(audio: Any) -> Any:
    return audio[:, audio.shape[1] // 2 :]


class Halves(Plugin):
    """Has a helper that hands out a part of an array."""

    @kernel
    def process(audio: Any, knobs: Any, state: Any) -> None:
        late = second_half(audio)
        for i in range(late.shape[1]):
            late[0, i] = 0.0


@kernel
def checked(x: float) -> float:
    assert x < 2.0
    return x


class Asserts(Plugin):
    """Has a helper that raises, where nobody would hear of it."""

    @kernel
    def process(audio: Any, knobs: Any, state: Any) -> None:
        audio[0, 0] = checked(audio[0, 0])


def test_a_kernel_that_raises_is_refused(use: Callable[..., Link]) -> None:
    with pytest.raises(RackError, match="a kernel may not raise, but checked does"):
        play(rack(use(Asserts)), noise(), 48000)


@pytest.mark.parametrize("plugin", [Allocates, Prints])
def test_a_kernel_that_does_more_than_compute_is_refused(
    plugin: type[Plugin], use: Callable[..., Link]
) -> None:
    with pytest.raises(RackError, match="a kernel may only compute"):
        play(rack(use(plugin)), noise(), 48000)


def test_a_kernel_uses_helpers_constants_and_the_maths_library(use: Callable[..., Link]) -> None:
    sound = noise()
    made = play(rack(use(Doubles)), sound, 48000)
    np.testing.assert_allclose(made[:, 0], 2 * np.tanh(sound[:, 0]), rtol=1e-5)


@kernel
def shouted(x: Any) -> Any:
    return x + "!"


class Misspells(Plugin):
    """Uses a name that nothing has."""

    @kernel
    def process(audio: Any, knobs: Any, state: Any) -> None:
        audio[0, 0] = gian  # type: ignore[name-defined]  # noqa: F821


class Shouts(Plugin):
    """Has a helper that adds a word to a number."""

    @kernel
    def process(audio: Any, knobs: Any, state: Any) -> None:
        audio[0, 0] = shouted(audio[0, 0])


class Opens(Plugin):
    """Uses Python's files."""

    @kernel
    def process(audio: Any, knobs: Any, state: Any) -> None:
        with open("x") as file:
            audio[0, 0] = len(file.read())


@pytest.mark.parametrize(
    ("plugin", "mistake"),
    [
        (Misspells, "NameError: name 'gian' is not defined"),
        (Shouts, r"function add.*add\(float32, .*test_native.py\", line \d+"),
        (Opens, "'with .*' construct is not supported"),
    ],
)
def test_a_kernel_that_does_not_compile_is_told_in_one_line(
    plugin: type[Plugin], mistake: str, use: Callable[..., Link]
) -> None:
    with pytest.raises(RackError, match=f"a kernel does not compile: .*{mistake}") as told:
        play(rack(use(plugin)), noise(), 48000)
    assert "\n" not in str(told.value)


def test_a_helper_hands_out_a_part_of_an_array(use: Callable[..., Link]) -> None:
    made = play(rack(use(Halves)), noise(640), 48000)[:, 0].reshape(10, 64)
    assert made[:, :32].all()
    assert not made[:, 32:].any()


def test_numba_works_as_ever_beside_kernels() -> None:
    program = """if True:
        import numba, numpy
        from engine import callback

        def total(count):
            return numpy.ones(count).sum()

        for entry in ("store_word", "claim_word"):
            callback.build(entry)
            print(numba.njit(total)(4), numba.njit(total)(numpy.int32(4)))
    """
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["4.0"] * 4, done.stderr


def test_a_fingerprint_changes_with_what_a_kernel_calls() -> None:
    before = Doubles.process.fingerprint()
    assert before == Doubles.process.fingerprint()
    function = helped.function
    assert function.__globals__["FACTOR"] == FACTOR
    function.__globals__["FACTOR"] = 3.0
    try:
        assert Doubles.process.fingerprint() != before
    finally:
        function.__globals__["FACTOR"] = 2.0


def test_a_fingerprint_knows_what_a_kernel_closes_over() -> None:
    def make(factor: float) -> Any:
        @kernel
        def scaled(x: float) -> float:
            return x * factor

        return scaled

    assert make(2.0).fingerprint() == make(2.0).fingerprint()
    assert make(2.0).fingerprint() != make(3.0).fingerprint()


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    program = "from engine.catalogue import find; print(find('eq').process.fingerprint())"
    found = set()
    for seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        found.add(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
    assert len(found) == 1


def test_code_is_kept_and_a_damaged_file_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine import callback

    monkeypatch.setenv("TARAF_CACHE", str(tmp_path))
    built = []

    def build() -> bytes:
        built.append(1)
        return callback.build("store_word")

    fingerprint = f"test {tmp_path}"
    assert native.load("word", fingerprint, build)
    assert native.is_cached("word", fingerprint)
    (file,) = tmp_path.glob("word-*.o")
    assert native._read(file)
    file.write_bytes(file.read_bytes()[:-1] + b"!")
    assert native._read(file) is None
    for _ in range(2):  # another process; what this one has loaded stays in use
        monkeypatch.setattr(native, "_loaded", {})
        native.load("word", fingerprint, build)
    assert len(built) == 2


def test_a_kernel_called_from_python_runs_as_python() -> None:
    assert helped(1.5) == 3.0
