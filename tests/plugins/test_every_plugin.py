"""The contract that every installed plugin keeps: a new one is tested before its author is."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import noise, rack
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from morph_tones import tones_file

from engine import catalogue, preset
from engine.params import HOST
from engine.rack import Lane, Link, Rack
from engine.render import Move, Renderer, play
from engine.worker import WorkerPlugin

RATE = 48000
VST3 = Path("/usr/lib/vst3/ZamCompX2.vst3")
ANALYSERS = {"tuner", "meter", "tap"}  # sound passes by them untouched
quick = settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def script() -> str:
    """A TorchScript file for the worker plugin, or a skip."""
    import tempfile

    torch = pytest.importorskip("torch")

    class Curve(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any) -> Any:
            return x * 0.5

    path = Path(tempfile.mkdtemp()) / "half.pt"
    torch.jit.trace(Curve(), torch.zeros(1, 64)).save(str(path))
    return str(path)


@cache
def tones() -> str:
    """A morph's file: small, and there before one is trained."""
    import tempfile

    return str(tones_file(Path(tempfile.mkdtemp())))


def link(name: str, knobs: dict[str, float] | None = None) -> Link:
    chosen: dict[str, str | int] = {"module": script()} if name == "torchscript" else {}
    if name in ("morph", "timbre"):
        chosen = {"model": tones()}
    if name == "vst":
        if not VST3.exists():
            pytest.skip(f"{VST3} is not here; on Debian it comes with zam-plugins")
        chosen = {"plugin": str(VST3)}
    return Link(name, name, knobs or {}, chosen)


def moved(name: str) -> list[Move]:
    """Every knob of a plugin turned to its ends, one after another."""
    moves = []
    for k, (knob, param) in enumerate(catalogue.find(name).params.items()):
        if knob not in HOST:
            moves.append(Move(200 + 150 * k, f"a.{name}.{knob}", param.maximum))
            moves.append(Move(900 + 150 * k, f"a.{name}.{knob}", param.minimum))
            moves.append(Move(1300 + 150 * k, f"a.{name}.{knob}", param.default))
    return moves


def anywhere(name: str) -> st.SearchStrategy[dict[str, float]]:
    """Any setting of a plugin's own knobs, its ends above all."""
    strategies = {}
    for knob, param in catalogue.find(name).params.items():
        if knob in HOST:
            continue
        if param.choices:
            strategies[knob] = st.sampled_from(range(len(param.choices))).map(float)
        else:
            ends = st.sampled_from([param.minimum, param.maximum])
            inside = st.floats(param.minimum, param.maximum)
            strategies[knob] = st.one_of(ends, inside)
    return st.fixed_dictionaries(strategies)


every_plugin = pytest.mark.parametrize("name", list(catalogue.entries()))


@every_plugin
@pytest.mark.parametrize("channels", [1, 2])
def test_block_size_does_not_change_the_sound(name: str, channels: int) -> None:
    chain = rack(link(name), source="stereo" if channels == 2 else "left")
    sound, moves = noise(6400, channels), moved(name)
    whole = play(chain, sound, RATE, 64, moves)
    for block in (32, 333, 4096):
        np.testing.assert_array_equal(play(chain, sound, RATE, block, moves), whole)


@every_plugin
def test_the_same_twice_is_the_same(name: str) -> None:
    sound = noise(3200)
    first = play(rack(link(name)), sound, RATE)
    np.testing.assert_array_equal(play(rack(link(name)), sound, RATE), first)


@every_plugin
def test_reset_is_like_new(name: str) -> None:
    if issubclass(catalogue.find(name), WorkerPlugin):
        pytest.skip("a worker is reset by starting it again")
    renderer = Renderer(rack(link(name)), RATE, 1)
    control = renderer.shared.control
    beat = control["beat"].copy()
    sound = noise(3200)
    first = renderer.push(sound)
    control["beat"], control["beat_frame"] = beat, control["frames"]  # it begins anew, too
    for node in renderer.table.nodes:
        node.reset()
    renderer.table.table["position"] = 0
    again = renderer.push(sound)
    np.testing.assert_array_equal(again[renderer.table.latency :][: len(first)],
                                  first[: len(again) - renderer.table.latency])  # fmt: skip


@every_plugin
@quick
@given(data=st.data())
def test_extremes_stay_finite_and_bounded(name: str, data: st.DataObject) -> None:
    knobs = data.draw(anywhere(name))
    loud = 10.0 * noise(6400, 2, seed=3)
    renderer = Renderer(rack(link(name, knobs), source="stereo"), RATE, 2)
    made = renderer.push(loud)
    assert np.all(np.isfinite(made))
    assert int(renderer.shared.control["mutes"][0]) == 0, knobs
    assert np.abs(made).max() < 1e5
    renderer.finish()


@every_plugin
@pytest.mark.parametrize("rate", [8000, 44100, 192000])
def test_every_sample_rate_is_played(name: str, rate: int) -> None:
    made = play(rack(link(name)), noise(2048), rate)
    assert np.all(np.isfinite(made))


@every_plugin
def test_bypass_lets_the_sound_pass_exactly(name: str) -> None:
    sound = noise(6400, 2)
    made = play(rack(link(name, {"bypass": 1.0}), source="stereo"), sound, RATE)
    if catalogue.find(name)().width(2) == 2:
        np.testing.assert_array_equal(made, sound)
    else:
        mono = 0.5 * (sound[:, 0] + sound[:, 1])
        np.testing.assert_array_equal(made, np.stack([mono, mono], axis=1))


@pytest.mark.parametrize("name", sorted(ANALYSERS & set(catalogue.entries())))
def test_analysers_do_not_touch_the_sound(name: str) -> None:
    sound = noise(6400, 2)
    np.testing.assert_array_equal(play(rack(link(name), source="stereo"), sound, RATE), sound)


@every_plugin
def test_a_preset_survives_a_round_trip(name: str) -> None:
    plugin = catalogue.find(name)
    knobs = {knob: param.default for knob, param in plugin.params.items()}
    chosen = {key: setting.default for key, setting in plugin.settings.items()}
    whole = Rack("r", lanes=(Lane("a", "none", (Link(name, "x", knobs, chosen),)),))
    assert preset.parse(preset.dump(whole), "r").rack == whole


@every_plugin
def test_help_is_one_line_for_the_plugin_and_for_each_knob(name: str) -> None:
    plugin = catalogue.find(name)
    assert plugin.help()
    for param in (*plugin.params.values(), *plugin.settings.values()):
        assert param.help
        assert "\n" not in param.help
