"""What tests share: where real recordings lie, a JACK server without a card, small racks."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import chromium

from engine import catalogue
from engine.plugin import Plugin
from engine.rack import Lane, Link, Rack

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before any test imports onnxruntime
HERE = Path(__file__).parent
DATA = HERE.parents[1] / "shared" / "data"


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Mark as ``realtime`` what plays against the clock and so runs alone (see the Makefile).

    That is all in tests/control, what uses JACK, files that import the Host of an audio process,
    and those that say it themselves: ``pytestmark = pytest.mark.realtime``.
    """
    for item in items:
        plays = "jackd" in getattr(item, "fixturenames", ()) or hasattr(item.module, "Host")
        if plays or "control" in item.path.relative_to(HERE).parts:
            item.add_marker("realtime")


@pytest.fixture(scope="session", autouse=True)
def _own_runtime_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ["TARAF_RUNTIME"] = str(tmp_path_factory.mktemp("runtime"))
    os.environ["TARAF_VST_CACHE"] = str(tmp_path_factory.mktemp("vst"))


@pytest.fixture
def guitar_file() -> Path:
    """A real guitar, direct."""
    path = DATA / "guitar" / "guitar_di_48k.wav"
    if not path.is_file():
        pytest.skip("needs the real recordings in ../shared/data")
    return path


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Link]:
    """Turn a plugin class into a link of a rack, without installing it."""
    known: dict[str, type[Plugin]] = {}
    installed = catalogue.find

    def find(name: str) -> type[Plugin]:
        return known[name] if name in known else installed(name)

    def link(plugin: type[Plugin], name: str = "", **settings: Any) -> Link:
        known[plugin.__name__.lower()] = plugin
        knobs = {k: settings.pop(k) for k in list(settings) if k in plugin.params}
        return Link(plugin.__name__.lower(), name or plugin.__name__.lower(), knobs, settings)

    monkeypatch.setattr(catalogue, "find", find)
    return link


def rack(*chain: Link, source: str = "left", **more: Any) -> Rack:
    """A rack of one lane called ``a``."""
    return Rack("test", lanes=(Lane("a", source, chain),), **more)


def noise(frames: int = 9600, channels: int = 1, seed: int = 0) -> Any:
    """White noise at -20 dB."""
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((frames, channels))).astype(np.float32)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, without a window."""
    with chromium("browser") as started:
        yield started


@pytest.fixture
def jackd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Start a private JACK server with the dummy driver: ``jackd(block)`` -> its process."""
    if shutil.which("jackd") is None:
        pytest.skip("needs jackd")
    try:
        import jack  # noqa: F401
        import sounddevice  # noqa: F401
    except (ImportError, OSError):
        pytest.skip("needs PortAudio and JACK-Client")
    name = f"taraf{os.getpid()}"
    monkeypatch.setenv("JACK_DEFAULT_SERVER", name)
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    monkeypatch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
    running: list[subprocess.Popen[bytes]] = []

    def start(block: int = 64) -> subprocess.Popen[bytes]:
        driver = ["-d", "dummy", "-r", "48000", "-p", str(block)]
        command = ["jackd", "-R", "-S", "--port-max", "128", "-n", name, *driver]
        log = (tmp_path / "jackd.log").open("wb")
        process = subprocess.Popen(command, stdout=log, stderr=log)
        running.append(process)
        waited = subprocess.run(["jack_wait", "-w", "-t", "5"], capture_output=True)
        if waited.returncode or process.poll() is not None:
            pytest.skip("jackd does not run here")
        time.sleep(0.2)
        return process

    yield start
    for process in running:
        process.terminate()
        process.wait()
