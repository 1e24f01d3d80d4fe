"""VST3 plug-ins in a rack: the same samples as pedalboard's own, and what happens when one dies."""

from __future__ import annotations

import base64
import ctypes
import ctypes.util
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import noise, rack

from engine import preset
from engine.host import Host, Order
from engine.layout import CELL, NOTE
from engine.plugin import Setup
from engine.rack import Lane, Link, Rack, RackError
from engine.render import Move, Renderer, play
from engine.stream import DeviceChoice
from plugins.vst import finding, scan
from plugins.vst.cache import Found
from plugins.vst.loading import packed
from plugins.vst.plugin import Effect, Vst

pedalboard = pytest.importorskip("pedalboard")
FOLDER = Path("/usr/lib/vst3")
ZAM = (
    "ZaMaximX2", "ZaMultiComp", "ZaMultiCompX2", "ZamAutoSat", "ZamComp", "ZamCompX2", "ZamDelay",
    "ZamDynamicEQ", "ZamEQ2", "ZamGEQ31", "ZamGate", "ZamGateX2", "ZamGrains", "ZamHeadX2",
    "ZamPhono", "ZamTube", "ZamVerb",
)  # fmt: skip
RATE = 48000
STAYS = {"sidechain", "current_program"}  # another input; other knobs
UNSTEADY = {"ZamTube": 2e-3}
"""Twice in one process, pedalboard alone, its output differs by as much as 3e-4: it
begins from memory that it never cleared."""
every_zam = pytest.mark.parametrize("name", ZAM)


@pytest.fixture(scope="session", autouse=True)
def _one_scan_for_all() -> None:
    list(scan.scan(scan.found_in([FOLDER])))


@pytest.fixture(autouse=True)
def _arithmetic_as_it_was() -> Iterator[None]:
    """Undo what plug-ins opened here for comparison do to this thread: they flush denormals."""
    library = ctypes.util.find_library("m")
    if library is None:
        yield
        return
    maths, before = ctypes.CDLL(library), ctypes.create_string_buffer(1024)
    maths.fegetenv(before)
    yield
    maths.fesetenv(before)


def found(name: str) -> Found:
    """The plug-in called ``name``, or a skip."""
    if not (FOLDER / f"{name}.vst3").exists():
        pytest.skip("needs zam-plugins")
    return finding.find(finding.Wish(name, "", "", "", Path()))


def turned(name: str) -> dict[str, float]:
    """Every knob of a plug-in away from where it was; they stay where sound still comes out."""
    knobs = {}
    for k, control in enumerate(found(name).controls):
        if control.name in STAYS:
            continue
        param = control.param()
        position = (0.3 + 0.1 * (k % 5) + param.to_position(param.default)) / 2
        value = param.from_position(position)
        knobs[control.name] = round(value) if control.stepped else float(f"{value:.4g}")
    return knobs


@pytest.fixture
def unprobed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pedalboard open plug-ins without trying each parameter 1001 times: minutes, for one."""
    patterns = {re.compile("")}
    module = pedalboard._pedalboard
    monkeypatch.setattr(module, "PARAMETER_NAME_REGEXES_TO_IGNORE", patterns)


def reference(name: str, knobs: dict[str, float]) -> Any:
    """The plug-in opened by pedalboard alone, its parameters at what it reads in their texts."""
    plugin = pedalboard.load_plugin(str(FOLDER / f"{name}.vst3"))
    for control in found(name).controls:
        if control.name in knobs:
            parameter, value = plugin._parameters[control.index], knobs[control.name]
            text = control.param().plain(value)
            switch = control.choices == ("off", "on")
            said = value if switch else parameter.get_raw_value_for_text(str(text))
            parameter.raw_value = said
    return plugin


def offline(name: str, knobs: dict[str, float], sound: Any) -> Any:
    """``sound`` (frames, channels) as pedalboard's own offline process makes it."""
    takes = found(name).channels
    if sound.shape[1] == 1 and 1 not in takes:
        sound = np.repeat(sound, 2, axis=1)
    width = sound.shape[1]
    lanes = [sound.T] if width in takes else [sound.T[c : c + 1] for c in range(width)]
    made = [reference(name, knobs).process(one, float(RATE), buffer_size=64) for one in lanes]
    made = np.concatenate(made)
    return np.repeat(made, 2, axis=0).T if len(made) == 1 else made.T


@every_zam
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.usefixtures("unprobed")
def test_the_output_is_pedalboards_own(name: str, channels: int) -> None:
    knobs, sound = turned(name), noise(12800, channels)
    link = Link("vst", "v", knobs, {"plugin": name})
    chain = rack(link, source="left" if channels == 1 else "stereo")
    wanted = offline(name, knobs, sound)
    assert np.abs(wanted).max() > 1e-4
    tolerance = UNSTEADY.get(name, 0.0)
    np.testing.assert_allclose(play(chain, sound, RATE), wanted, rtol=0.0, atol=tolerance)


@every_zam
def test_a_parameter_goes_where_pedalboards_own_attribute_goes(name: str) -> None:
    """That is within its thousandth: it looks for values in a table of so many."""
    if name == "ZamVerb":
        pytest.skip("pedalboard tries its parameters for minutes")
    plugin = pedalboard.load_plugin(str(FOLDER / f"{name}.vst3"))
    knobs = turned(name)
    for control in found(name).controls:
        if control.name not in knobs:
            continue
        parameter, value = plugin._parameters[control.index], knobs[control.name]
        plain = control.param().plain(value)
        setattr(plugin, control.name, value if plain in ("off", "on") else plain)
        ours, theirs = control.raw(value, parameter.get_raw_value_for_text), parameter.raw_value
        texts = [parameter.get_text_for_raw_value(raw) for raw in (ours, theirs)]
        assert ours == pytest.approx(theirs, abs=0.001) or texts[0] == texts[1]


def test_its_latency_is_the_rings_and_its_own() -> None:
    found("ZaMaximX2")
    made = {}
    for name in ("ZaMaximX2", "ZamCompX2"):
        made[name] = Renderer(rack(Link("vst", "v", {}, {"plugin": name})), RATE, 1)
        made[name].finish()
    late = {name: one.table.latency for name, one in made.items()}
    assert late == {"ZaMaximX2": 128 + 480, "ZamCompX2": 128}


def test_a_turned_parameter_arrives() -> None:
    """A switch at a cell's edge, and a knob that ramps there: as pedalboard's own parameters."""
    found("ZamEQ2")
    sound, at = noise(12800), 6400
    moves = [Move(at, "a.v.boost_cut_1_db", 12.0), Move(at, "a.v.peaks_on", 1.0)]
    made = play(rack(Link("vst", "v", {}, {"plugin": "ZamEQ2"})), sound, RATE, moves=moves)
    plugin = pedalboard.load_plugin(str(FOLDER / "ZamEQ2.vst3"))
    wanted, cells = [], int(np.ceil(0.02 * RATE / CELL))
    for start in range(0, len(sound), CELL):
        if start >= at:
            boost = plugin._parameters[3]
            value = f"{np.float32(12.0 * min(1.0, (start - at) / CELL / cells)):.7g}"
            boost.raw_value = boost.get_raw_value_for_text(value)
            plugin.peaks_on = 1.0
        block = sound[start : start + CELL].T
        wanted.append(plugin.process(block, float(RATE), buffer_size=64, reset=False)[0])
    assert np.abs(made[at:, 0] - sound[at:, 0]).max() > 0.02
    np.testing.assert_allclose(made[:, 0], np.concatenate(wanted), atol=1e-6)


def test_the_block_of_the_device_does_not_matter() -> None:
    found("ZaMaximX2")
    chain = rack(Link("vst", "v", {"threshold_db": -20.0}, {"plugin": "ZaMaximX2"}))
    whole = play(chain, noise(9600), RATE)
    for block in (32, 333, 4096):
        np.testing.assert_array_equal(play(chain, noise(9600), RATE, block), whole)


@pytest.mark.usefixtures("unprobed")
def test_a_state_is_kept_in_the_preset() -> None:
    knobs = {"boost_cut_1_db": 8.0, "peaks_on": 1.0, "frequency_1_hz": 700.0}
    plugin = reference("ZamEQ2", knobs)
    plugin.process(noise(64).T, float(RATE), buffer_size=64)  # it takes parameters in with sound
    settings: dict[str, str | int] = {"plugin": "ZamEQ2", "state": packed(plugin.raw_state)}
    whole = rack(Link("vst", "v", {"master_gain_db": 3.0}, settings))
    read = preset.parse(preset.dump(whole), "p").rack
    assert read == whole
    for name, value in {**knobs, "master_gain_db": 3.0, "frequency_2_hz": 3000.0}.items():
        assert read.value(f"a.v.{name}") == pytest.approx(value)  # a knob shows what the state says
    wanted = offline("ZamEQ2", {**knobs, "master_gain_db": 3.0}, noise())
    np.testing.assert_allclose(play(read, noise(), RATE), wanted, atol=1e-6)


def test_a_preset_given_another_plugin_leaves_the_old_ones_knobs_out() -> None:
    found("ZamTube")
    first = rack(Link("vst", "v", {"tube_drive": 3.0, "wet": 0.5}, {"plugin": "ZamTube"}))
    text = preset.dump(first.set("a.v.plugin", "ZamEQ2"))
    assert "wet = 0.5" in text
    assert "tube_drive" not in text


def test_a_state_that_is_none_is_one_clear_line() -> None:
    found("ZamTube")
    text = '[[lane]]\n[[lane.plugin]]\nuse = "vst"\nplugin = "ZamTube"\nstate = "***"\n'
    with pytest.raises(preset.PresetError, match="its state is not base64"):
        preset.parse(text, "p.toml")


def test_a_file_is_named_from_the_presets_folder(tmp_path: Path) -> None:
    found("ZamPhono")
    (tmp_path / "own").symlink_to(FOLDER, target_is_directory=True)
    link = Link("vst", "v", {}, {"plugin": "own/ZamPhono.vst3"})
    whole = Rack("r", lanes=(Lane("a", "left", (link,)),), folder=tmp_path)
    assert "a.v.phono_filter_type" in whole.addresses()
    assert play(whole, noise(1280), RATE).any()


def test_a_rack_without_a_plugin_named_says_what_to_do() -> None:
    with pytest.raises(RackError, match="plugin is empty; it is a file, or a name"):
        play(rack(Link("vst", "v", {}, {})), noise(64), RATE)


@every_zam
def test_it_plays_live(name: str) -> None:
    """In the audio process, on the virtual device: no block is muted, no worker started again."""
    found(name)
    chain = rack(Link("vst", "v", {}, {"plugin": name}), source="stereo")
    host = Host(Order(DeviceChoice("virtual", RATE, 64)), chain)
    try:
        until = time.monotonic() + 20.0
        while host.statistics()["blocks"] < 200 and time.monotonic() < until:
            time.sleep(0.02)
        assert host.statistics()["blocks"] >= 200
        assert host.statistics()["mutes"] == 0
        assert host.report()["worker_restarts"] == 0
    finally:
        host.stop()


def test_notes_sent_to_a_real_instrument_are_played(unprobed: None) -> None:
    path = os.environ.get("TARAF_TEST_INSTRUMENT", "")
    if not path:
        pytest.skip("TARAF_TEST_INSTRUMENT names no VST3; Nekobi of DPF-Plugins is one that does")
    chain = rack(Link("vst", "v", {}, {"plugin": path}))
    renderer = Renderer(chain, RATE, 1)
    note = bytes([0x90, 60, 100])
    renderer.shared.send(renderer.table.id, 0, NOTE, float(int.from_bytes(note, "little")))
    sound = noise(24000)
    made = np.concatenate([renderer.push(sound), renderer.finish()])
    plugin = pedalboard.load_plugin(path)
    alone = {"num_channels": 1, "buffer_size": 64, "reset": False}
    wanted = plugin([(note, 0.0)], 0.5, float(RATE), **alone)
    np.testing.assert_array_equal(made[:, 0], wanted[0])  # and nothing of what came in
    assert np.abs(wanted).max() > 0.01


def test_a_long_state_reaches_the_worker_all_the_same(unprobed: None) -> None:
    """Longer than a word of a command line may be: 128 KiB."""
    knobs = {"boost_cut_1_db": 8.0, "peaks_on": 1.0}
    plugin = reference("ZamEQ2", knobs)
    plugin.process(noise(64).T, float(RATE), buffer_size=64)
    state = base64.b64encode(bytes(plugin.raw_state)).decode() + " " * 200_000
    whole = rack(Link("vst", "v", {}, {"plugin": "ZamEQ2", "state": state}))
    np.testing.assert_allclose(
        play(whole, noise(), RATE), offline("ZamEQ2", knobs, noise()), atol=1e-6
    )


def test_a_plugin_that_has_fewer_parameters_by_now_turns_those_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Fewer:
        reported_latency_samples = 0

        def __init__(self) -> None:
            self._parameters = [Parameter()]

    class Parameter:
        raw_value = -1.0

        def get_raw_value_for_text(self, text: str) -> float:
            return 0.0

    loaded: list[Fewer] = []

    def load(*_: Any) -> Fewer:
        loaded.append(Fewer())
        return loaded[-1]

    monkeypatch.setattr("plugins.vst.loading.mute", lambda: None)
    monkeypatch.setattr("plugins.vst.loading.load", load)
    effect = Effect(plugin=str(found("ZamTube").path))
    knobs = dict.fromkeys(effect.params, 1e9)  # as they were, some may have gone further
    effect.open(Setup(RATE, found("ZamTube").channels[0]))
    effect.turn(knobs)
    stays = [one.name for one in found("ZamTube").controls if one.index == 0]
    assert [name for name in effect.params if name not in Vst.params] == stays
    assert all(0.0 <= one._parameters[0].raw_value <= 1.0 for one in loaded if stays)
