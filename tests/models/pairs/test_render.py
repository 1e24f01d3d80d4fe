"""Pairs rendered through effects: in line, as loud, for every setting, whatever crashes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from models.cluster import Outcome, Program, Unit
from models.cluster.here import Here
from models.pairs import PairsError, manifest, open_pairs, spec
from models.pairs.checks import check
from models.pairs.latency import examine
from models.pairs.render import Effect, Summary, Work, render

from .folder import RATE, phrase, save

pytest.importorskip("pedalboard")
TWO = Work(jobs=2, timeout_s=20.0)
PROGRAM = """
import sys, time, os, signal
import numpy as np, soundfile
source, target, gain, late = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
sound, rate = soundfile.read(source, dtype="float32")
soundfile.write(target, np.concatenate((np.zeros(late), gain * sound)), rate, subtype="FLOAT")
"""


def effect(chain: str, *grid: str, latency: str | int = "auto", **values: float) -> Effect:
    return Effect(spec.parse_chain(chain), dict(values), spec.parse_grid(list(grid)), latency)


def program(tmp_path: Path, code: str = PROGRAM, arguments: str = "{gain} 0") -> str:
    path = tmp_path / "program.py"
    path.write_text(code)
    return f"{sys.executable} {path} {{in}} {{out}} {arguments}"


@pytest.fixture
def dry(tmp_path: Path) -> Path:
    for number in range(3):
        save(tmp_path / "sounds" / f"{number}.wav", phrase(0.5, number))
    return tmp_path / "sounds"


def wets(out: Path) -> dict[str, np.ndarray]:
    return {p.stem: soundfile.read(p, dtype="float32")[0] for p in (out / "wet").glob("*.wav")}


def test_every_combination_of_the_grid_is_rendered_as_the_plugin_plays_it(
    dry: Path, tmp_path: Path
) -> None:
    import pedalboard

    out = tmp_path / "out"
    chain = "pedalboard:Distortion|pedalboard:Gain(gain_db=-3)"
    done = render(dry, out, effect(chain, "drive_db=0:30:3", "2.gain_db=-6,6"), TWO)
    assert isinstance(done, Summary)
    assert (done.rendered, done.kept, done.failed) == (18, 0, ())
    pairs = open_pairs(out)
    assert [(k.name, k.minimum, k.maximum) for k in pairs.knobs] == [
        ("drive_db", 0.0, 30.0),
        ("2.gain_db", -6.0, 6.0),
    ]
    assert check(out) == []
    for pair in pairs.pairs:
        sound, wet = pair.whole.load()
        board = pedalboard.Pedalboard(
            [
                pedalboard.Distortion(pair.knobs["drive_db"]),
                pedalboard.Gain(pair.knobs["2.gain_db"]),
            ]
        )
        np.testing.assert_array_equal(wet, board(sound, RATE).reshape(-1))


@pytest.mark.parametrize("name", ["Chorus", "Phaser", "Reverb", "Delay", "Compressor"])
def test_every_pair_begins_from_the_initial_state(name: str, dry: Path, tmp_path: Path) -> None:
    import pedalboard

    render(dry, tmp_path / "out", effect(f"pedalboard:{name}"), Work(jobs=1))
    for stem, wet in wets(tmp_path / "out").items():
        sound = soundfile.read(dry / f"{stem}.wav", dtype="float32")[0]
        fresh = getattr(pedalboard, name)()(sound, RATE)
        np.testing.assert_array_equal(wet, fresh.reshape(-1))


@pytest.mark.parametrize("gain", [1.0, -0.5, 4.0])
@pytest.mark.parametrize("late", [0, 37, 600])
def test_latency_is_found_and_removed_whatever_the_polarity(
    gain: float, late: int, dry: Path, tmp_path: Path
) -> None:
    command = program(tmp_path, arguments="{gain} " + str(late))
    done = render(dry / "0.wav", tmp_path / "out", effect(command, gain=gain), Work(jobs=1))
    assert done.latency_frames == late
    (wet,) = wets(tmp_path / "out").values()
    np.testing.assert_allclose(wet, gain * phrase(0.5, 0), atol=1e-6)
    assert open_pairs(tmp_path / "out").pairs[0].entry.latency_removed == late


def test_a_delay_keeps_its_time_with_a_dry_path_and_without_where_told(
    dry: Path, tmp_path: Path
) -> None:
    import pedalboard

    sound, frames = phrase(0.5, 0), round(0.03 * RATE)
    delay = "pedalboard:Delay(delay_seconds=0.03, mix={})"
    render(dry / "0.wav", tmp_path / "half", effect(delay.format(0.5)), Work(jobs=1))
    half = pedalboard.Delay(0.03, mix=0.5)(sound, RATE).reshape(-1)
    np.testing.assert_array_equal(wets(tmp_path / "half")["0"], half)
    wet = effect(delay.format(1.0), latency="reported")
    assert render(dry / "0.wav", tmp_path / "wet", wet, Work(jobs=1)).latency_frames == 0
    delayed = wets(tmp_path / "wet")["0"]
    assert not np.any(delayed[:frames])
    assert np.corrcoef(delayed[frames:], sound[:-frames])[0, 1] > 0.99


def test_what_a_knob_delays_is_no_latency(dry: Path, tmp_path: Path) -> None:
    chain = effect("pedalboard:Delay(mix=1)", "delay_seconds=0.001,0.03")
    done = render(dry / "0.wav", tmp_path / "out", chain, Work(jobs=1))
    assert done.latency_frames == 16
    late = effect("pedalboard:Delay(mix=1)", "delay_seconds=0.2,0.3")
    done = render(dry / "0.wav", tmp_path / "late", late, Work(jobs=1))
    assert done.latency_frames == 0
    assert "nothing is heard within 50 ms" in done.warnings[0]


def test_whoever_renders_may_be_in_another_folder(
    dry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away(Here):
        def run(
            self, program: Program, units: Iterable[Unit | None], ahead: bool = True
        ) -> Iterator[Outcome]:
            there = tmp_path / "there"
            there.mkdir(exist_ok=True)
            with monkeypatch.context() as moved:
                moved.chdir(there)
                yield from [*super().run(program, units, ahead)]

    monkeypatch.chdir(tmp_path)
    save(tmp_path / "ir.wav", np.eye(1, 8, dtype=np.float32)[0])
    chain = "pedalboard:Convolution(impulse_response_filename=ir.wav)"
    done = render(dry, Path("out"), effect(chain), Work(on=Away(1)))
    assert (done.rendered, done.failed) == (3, ())
    assert len(wets(tmp_path / "out")) == 3
    again = render(dry, Path("out"), effect(chain), Work(on=Away(1)))
    assert again.kept == 3  # what was typed is what the manifest tells


def test_filters_are_not_moved() -> None:
    for chain in ("pedalboard:HighpassFilter(cutoff_frequency_hz=2000)", "pedalboard:Phaser"):
        found = examine(spec.parse_chain(chain), {}, 48000)
        assert (found["late"], found["reset"]) == (0, True)


CRASHES = """
import os, signal, sys
gain = float(sys.argv[3])
if gain == 0.5:
    print("first line\\nout of luck", file=sys.stderr); sys.exit(3)
if gain == 0.6:
    os.kill(os.getppid(), signal.SIGSEGV)  # as a plugin does to its process
if gain == 0.7:
    import time; time.sleep(60)
if gain == 0.8:
    sys.exit(0)
"""


def test_what_crashes_or_hangs_costs_only_its_own_pairs(dry: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = program(tmp_path, CRASHES + PROGRAM)
    chain = effect(command, "gain=0.1,0.5,0.6,0.7,0.8,0.9")
    done = render(dry / "0.wav", out, chain, Work(jobs=2, timeout_s=4.0))
    assert done.rendered == 2
    reasons = dict(done.failed)
    assert reasons["0_gain=0.5"].endswith("it ended with exit code 3: out of luck")
    assert reasons["0_gain=0.6"] == "the worker process ended with signal SIGSEGV"
    assert reasons["0_gain=0.7"] == "no answer within 4 s"
    assert reasons["0_gain=0.8"] == "the command wrote no {out}"
    assert {pair.knobs["gain"] for pair in open_pairs(out).pairs} == {0.1, 0.9}
    lines = [json.loads(line) for line in (out / "failed.jsonl").read_text().splitlines()]
    assert {line["id"]: line["reason"] for line in lines} == reasons


def test_what_failed_is_tried_again_and_what_is_done_is_not(dry: Path, tmp_path: Path) -> None:
    out, flag = tmp_path / "out", tmp_path / "fail"
    command = program(
        tmp_path,
        f"import os, sys\nif os.path.exists({str(flag)!r}) and sys.argv[3] == '2': sys.exit(1)\n"
        + PROGRAM,
    )
    chain = effect(command, "gain=1,2,3")
    flag.touch()
    assert len(render(dry, out, chain, TWO).failed) == 3
    flag.unlink()
    before = {path: path.stat().st_mtime_ns for path in (out / "wet").iterdir()}
    done = render(dry, out, chain, TWO)
    assert (done.rendered, done.kept, done.failed) == (3, 6, ())
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert not (out / "failed.jsonl").exists()
    knobs = [pair.knobs["gain"] for pair in open_pairs(out).pairs if pair.split == "train"]
    assert knobs == sorted(knobs)


KILLED = """
import sys
from pathlib import Path
from models.pairs import spec
from models.pairs.render import Effect, Work, render
chain = Effect(spec.parse_chain(sys.argv[3]), {}, spec.parse_grid(["gain=0.01:1:15"]))
render(Path(sys.argv[1]), Path(sys.argv[2]), chain, Work(jobs=2))
"""


def test_a_killed_render_goes_on_and_its_manifest_is_right(dry: Path, tmp_path: Path) -> None:
    copy = "import shutil, sys, time; time.sleep(0.03); shutil.copy(sys.argv[1], sys.argv[2])"
    out, command = tmp_path / "out", program(tmp_path, copy)
    killed = subprocess.Popen([sys.executable, "-c", KILLED, str(dry), str(out), command])
    path = out / manifest.NAME
    until = time.monotonic() + 30
    while time.monotonic() < until and not (path.is_file() and path.stat().st_size > 1200):
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    with path.open("ab") as file:
        file.write(b'{"id": "torn')
    (out / "wet" / ".0.wav.1.part").write_bytes(b"half a file")
    chain = effect(command, "gain=0.01:1:15")
    kept = len(manifest.read(out)[1])
    assert 0 < kept < 45
    done = render(dry, out, chain, TWO)
    assert (done.rendered, done.kept) == (45 - kept, kept)
    assert check(out) == []
    assert len(manifest.read(out)[1]) == len(list((out / "wet").iterdir())) == 45
    again = render(dry, out, chain, TWO)
    assert (again.rendered, again.kept) == (0, 45)


def test_an_interrupted_render_keeps_what_is_done(dry: Path, tmp_path: Path) -> None:
    def stop(done: int, _of: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    chain = effect("pedalboard:Distortion", "drive_db=0:30:4")
    with pytest.raises(KeyboardInterrupt):
        render(dry, tmp_path / "out", chain, Work(jobs=1), stop)
    done = render(dry, tmp_path / "out", chain, TWO)
    assert (done.rendered, done.kept) == (7, 5)
    assert check(tmp_path / "out") == []


def test_workers_leave_when_their_parent_is_killed(dry: Path, tmp_path: Path) -> None:
    if not Path("/proc").is_dir():
        pytest.skip("needs /proc")
    command = program(tmp_path, "import time; time.sleep(1)")
    killed = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(dry), str(tmp_path / "out"), command]
    )
    children = Path(f"/proc/{killed.pid}/task/{killed.pid}/children")
    until = time.monotonic() + 20
    threads = Path(f"/proc/{killed.pid}/task")
    workers: list[str] = []
    while time.monotonic() < until and len(workers) < 2 and children.parent.exists():
        workers = [w for t in threads.iterdir() for w in (t / "children").read_text().split()]
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    while time.monotonic() < until and any(Path(f"/proc/{w}").exists() for w in workers):
        time.sleep(0.05)
    assert workers
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)


def test_a_changed_dry_sound_is_rendered_again(dry: Path, tmp_path: Path) -> None:
    out, chain = tmp_path / "out", effect("pedalboard:Distortion")
    render(dry, out, chain, TWO)
    save(dry / "1.wav", phrase(0.5, 77))
    done = render(dry, out, chain, TWO)
    assert (done.rendered, done.kept) == (1, 2)
    assert check(out) == []


def test_another_effect_does_not_go_into_the_same_folder(dry: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    render(dry, out, effect("pedalboard:Distortion"), TWO)
    with pytest.raises(PairsError, match="another effect or other settings"):
        render(dry, out, effect("pedalboard:Chorus"), TWO)
    fresh = Work(jobs=2, resume=False)
    assert render(dry, out, effect("pedalboard:Chorus"), fresh).rendered == 3


@pytest.mark.parametrize(
    ("chain", "grid", "said"),
    [
        ("pedalboard:Distort", (), "pedalboard has no effect 'Distort'; it has Bitcrush"),
        ("pedalboard:Distortion", ("drive=0:1:2",), "has a knob 'drive'; there are: drive_db"),
        ("pedalboard:Delay|pedalboard:Chorus", ("mix=0:1:2",), "write 1.mix"),
        ("pedalboard:Distortion(drive=1)", (), "no knob 'drive'; it has drive_db"),
        ("pedalboard:Delay(delay_seconds=much)", (), "refuses delay_seconds = much"),
        ("none.vst3", (), "there is no such plugin"),
        ("whatever", (), "'whatever' is no plugin"),
        ("pedalboard:Delay(mix=0.5", (), "not closed"),
        ("pedalboard:Delay(0.5)", (), "is not name=value"),
        ("cat {in}", (), "needs both"),
        ("cat {in} {out} {gain}", (), r"the command wants \{gain\}"),
        ("none-such-program {in} {out}", (), "it does not start"),
        ("pedalboard:Distortion", ("drive_db=0:1",), "allowed is knob=from:to:count"),
        ("pedalboard:Distortion", ("drive_db=0:9:3:log",), "allowed is knob=from:to:count"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_rendered(
    chain: str, grid: tuple[str, ...], said: str, dry: Path, tmp_path: Path
) -> None:
    with pytest.raises(PairsError, match=said) as caught:
        render(dry, tmp_path / "out", effect(chain, *grid), TWO)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out" / manifest.NAME).exists()


def test_a_plugin_is_found_by_its_name_where_plugins_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "maker" / "None Such.vst3"
    installed.mkdir(parents=True)
    monkeypatch.setenv("VST3_PATH", str(tmp_path))
    (stage,) = spec.parse_chain("None Such.vst3(drive=0.5)")
    assert (stage.target, stage.values) == (str(installed), {"drive": 0.5})
    with pytest.raises(PairsError, match=r"nowhere/None Such\.vst3: there is no such plugin"):
        spec.parse_chain("nowhere/None Such.vst3")


ZAM = Path("/usr/lib/vst3")


def zam(name: str) -> str:
    path = ZAM / f"{name}.vst3"
    if not path.exists():
        pytest.skip("needs zam-plugins")
    return str(path)


def test_a_vst3_is_rendered_in_line_at_every_setting(dry: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    chain = effect(zam("ZamDelay") + "(time_ms=100)", "dry_wet=0:1:3")
    done = render(dry, out, chain, TWO)
    assert (done.rendered, done.failed, done.latency_frames) == (9, (), 0)
    half = wets(out)["0_dry-wet=0.5"]
    assert np.corrcoef(half, phrase(0.5, 0))[0, 1] > 0.5


def test_a_limiter_that_looks_ahead_and_takes_two_channels_lines_up(tmp_path: Path) -> None:
    save(tmp_path / "a.wav", 0.1 * phrase(1.0, rate=48000), 48000)
    chain = effect(zam("ZaMaximX2") + "(threshold_db=0)")
    done = render(tmp_path / "a.wav", tmp_path / "out", chain, TWO)
    assert done.latency_frames == 480
    sound, wet = open_pairs(tmp_path / "out").pairs[0].load()
    assert np.corrcoef(sound, wet)[0, 1] > 0.999


def test_what_plugins_print_is_kept_out(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    save(tmp_path / "a.wav", phrase(0.5, rate=44100), 44100)
    render(tmp_path / "a.wav", tmp_path / "out", effect(zam("ZamTube")), Work(jobs=1))
    assert capfd.readouterr() == ("", "")


def test_rendering_leaves_no_process_behind(dry: Path, tmp_path: Path) -> None:
    if not Path("/proc/self/task").is_dir():
        pytest.skip("needs /proc")
    render(dry, tmp_path / "out", effect("pedalboard:Gain"), TWO)
    children = [
        child
        for thread in Path(f"/proc/{os.getpid()}/task").iterdir()
        for child in (thread / "children").read_text().split()
        if b"models.pairs.worker" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]
    assert children == []
