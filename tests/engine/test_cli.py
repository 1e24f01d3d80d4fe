"""The command line: what it renders is what the engine plays, what it says is short and true."""

import contextlib
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from engine import catalogue, preset
from engine.cli import complaint, main
from engine.commands import doctor
from engine.commands.following import follow
from engine.commands.render_bar import Bar
from engine.plugin import PluginError
from engine.rack import Lane, Link, Rack
from engine.render import Move, Renderer, play
from engine.soundfiles import PIECE, read

RATE = 48_000
GAIN = Link("gain", "gain", {"gain_db": -6.0})
RACK = Rack("p", "A test", (Lane("guitar", "left", (GAIN,)),))


def run(*arguments):
    """Exit code, standard output and standard error of one command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(argument) for argument in arguments])
    return code, out.getvalue(), err.getvalue()


def noise(frames=RATE, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((frames, channels))).astype(np.float32)


@pytest.fixture
def here(tmp_path):
    """A folder with ``p.toml`` and ``in.wav``: three pieces and a bit."""
    (tmp_path / "p.toml").write_text(preset.dump(RACK))
    soundfile.write(tmp_path / "in.wav", noise(3 * PIECE + 17), RATE, "FLOAT")
    return tmp_path


def render(here, *arguments):
    return run("render", *arguments, "--preset", here / "p.toml")


def test_a_render_is_what_the_engine_plays_to_the_bit(here):
    code, out, err = render(here, here / "in.wav", here / "out.wav")
    assert code == 0
    assert all(line.startswith("compiling ") for line in err.splitlines())  # the first time
    assert str(here / "out.wav") in out
    wanted = play(RACK, read(here / "in.wav"), RATE)
    np.testing.assert_array_equal(read(here / "out.wav"), wanted)


@pytest.mark.skipif(sys.platform != "linux", reason="there names of files are letters")
def test_a_file_of_an_odd_name_is_told(here, monkeypatch):
    told = io.TextIOWrapper(io.BytesIO(), "utf-8")
    monkeypatch.setattr(sys, "stdout", told)
    odd = os.fsdecode(os.fsencode(here) + b"/b\xff.wav")
    assert main(["render", str(here / "in.wav"), odd, "--preset", str(here / "p.toml")]) == 0
    told.flush()
    assert rb"b\udcff.wav" in told.buffer.getvalue()


@pytest.mark.parametrize("block", [1, 64, 100, 8192])
def test_the_block_size_does_not_change_the_sound(here, block):
    sound = noise(1000)
    soundfile.write(here / "in.wav", sound, RATE, "FLOAT")
    assert render(here, here / "in.wav", here / "out.wav", "--block", block)[0] == 0
    np.testing.assert_allclose(read(here / "out.wav"), play(RACK, sound, RATE), atol=1e-6)


def test_a_render_holds_a_piece_at_a_time(here, monkeypatch):
    pushed = []
    push = Renderer.push

    def watched(self, sound):
        pushed.append(len(sound))
        return push(self, sound)

    monkeypatch.setattr(Renderer, "push", watched)
    assert render(here, here / "in.wav", here / "out.wav", "--tail", "2")[0] == 0
    assert max(pushed) <= PIECE
    assert len(read(here / "out.wav")) == 3 * PIECE + 17 + 2 * RATE


def test_json_reports_every_file(here):
    soundfile.write(here / "loud.wav", 4.0 * np.ones((4410, 1)), 44_100, "FLOAT")
    code, out, err = render(
        here, here / "in.wav", here / "loud.wav", here / "made", "--format", "flac", "--json"
    )
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert report["preset"] == "p"
    first, second = report["files"]
    assert first["output"] == str(here / "made" / "in.flac")
    assert first["frames"] == 3 * PIECE + 17
    assert first["latency_frames"] == 0
    assert first["mutes"] == {}
    assert first["times_real_time"] > 0
    assert (second["rate"], second["seconds"]) == (44_100, 0.1)
    assert second["peak_db"] == pytest.approx(20 * np.log10(4.0) - 6.0, abs=0.01)
    assert "clips" in second["warnings"][0]


def test_silence_has_no_peak(here):
    soundfile.write(here / "in.wav", np.zeros((100, 2)), RATE)
    code, out, _ = render(here, here / "in.wav", here / "out.wav", "--json")
    assert code == 0
    assert json.loads(out)["files"][0]["peak_db"] is None


def test_a_file_of_six_channels_is_rendered_from_its_first_two_with_a_warning(here):
    soundfile.write(here / "in.wav", noise(1000, 6), RATE, "FLOAT")
    code, _, err = render(here, here / "in.wav", here / "out.wav")
    assert code == 0
    assert "6 channels" in err
    wanted = play(RACK, read(here / "in.wav")[:, :2], RATE)
    np.testing.assert_array_equal(read(here / "out.wav"), wanted)


def test_set_changes_the_preset(here):
    changed = ["--set", "guitar.gain.gain_db=6", "--set", "guitar.pan=-1"]
    assert render(here, here / "in.wav", here / "out.wav", *changed)[0] == 0
    wanted = play(
        RACK.set("guitar.gain.gain_db", 6.0).set("guitar.pan", -1.0), read(here / "in.wav"), RATE
    )
    np.testing.assert_array_equal(read(here / "out.wav"), wanted)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("guitar.gain.gain_db", "is not lane.plugin.param=value"),
        ("guitar.gane.gain_db=3", "near to it: guitar.gain.gain_db"),
        ("guitar.gain.gain_db=99", "outside -60 to 36 dB"),
        ("guitar.gain.bypass=maybe", "off, on"),
    ],
)
def test_a_set_that_is_none_is_one_line(here, change, complaint):
    code, out, err = render(here, here / "in.wav", here / "out.wav", "--set", change)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert complaint in err
    assert not (here / "out.wav").exists()


def test_automation_moves_knobs_at_every_files_own_rate(here):
    soundfile.write(here / "slow.wav", noise(44_100), 44_100, "FLOAT")
    (here / "a.csv").write_text("0.5,guitar.gain.gain_db,-60\n")
    files = [here / "in.wav", here / "slow.wav", here / "made"]
    assert render(here, *files, "--automation", here / "a.csv")[0] == 0
    for name, rate in (("in.wav", RATE), ("slow.wav", 44_100)):
        moves = [Move(rate // 2, "guitar.gain.gain_db", -60.0)]
        wanted = play(RACK, read(here / name), rate, moves=moves)
        np.testing.assert_array_equal(read(here / "made" / name), wanted)


def test_a_controller_of_a_midi_file_turns_a_knob(here):
    midi = mido.MidiFile()
    midi.tracks.append(
        mido.MidiTrack([mido.Message("control_change", control=20, value=0, time=480)])
    )
    midi.save(here / "a.mid")
    arguments = ["--automation", here / "a.mid", "--cc", "20=guitar.gain.gain_db"]
    assert render(here, here / "in.wav", here / "out.wav", *arguments)[0] == 0
    moves = [Move(RATE // 2, "guitar.gain.gain_db", -60.0)]
    wanted = play(RACK, read(here / "in.wav"), RATE, moves=moves)
    np.testing.assert_array_equal(read(here / "out.wav"), wanted)


def test_a_controller_without_a_midi_file_is_a_mistake(here):
    code, _, err = render(here, here / "in.wav", here / "out.wav", "--cc", "20=guitar.pan")
    assert code == 2
    assert "--automation" in err


def test_an_input_is_never_overwritten_by_whatever_name(here):
    before = (here / "in.wav").read_bytes()
    (here / "hard.wav").hardlink_to(here / "in.wav")
    for out in (here / "in.wav", here / "hard.wav", here / "." / "in.wav", here):
        code, _, err = render(here, here / "in.wav", out)
        assert code == 2
        assert "is an input" in err
    assert (here / "in.wav").read_bytes() == before


def test_two_inputs_that_would_be_one_output_are_refused(here):
    (here / "other").mkdir()
    (here / "other" / "in.wav").write_bytes((here / "in.wav").read_bytes())
    code, _, err = render(here, here / "in.wav", here / "other" / "in.wav", here / "made")
    assert code == 2
    assert "would be written for both" in err
    assert not (here / "made").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["in.wav"], "wanted are IN... OUT"),
        (["in.wav", "out.xyz"], "allowed are .wav"),
        (["in.wav", "out.wav", "--format", "flac"], "says otherwise"),
        (["in.wav", "out.wav", "--format", "doc"], "is not one of wav, flac, ogg, mp3"),
        (["in.wav", "in.wav", "p.toml"], "is not a folder"),
        (["in.wav", "in.wav", "both.wav"], "both.wav: is the name of a file"),
        (["in.wav", "out.wav", "--block", "0"], "'--block'"),
        (["in.wav", "out.wav", "--tail", "-1"], "'--tail'"),
        (["in.wav", "out.wav", "--loud"], "No such option: --loud"),
    ],
)
def test_a_render_that_makes_no_sense_is_one_line(here, monkeypatch, arguments, complaint):
    monkeypatch.chdir(here)
    code, out, err = render(here, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("taraf: ")
    assert complaint in err
    assert {path.name for path in here.iterdir()} == {"in.wav", "p.toml"}


def test_ctrl_c_is_quiet_and_leaves_nothing(here, monkeypatch):
    pushes = iter(range(100))
    push = Renderer.push

    def interrupted(self, sound):
        if next(pushes) == 2:
            raise KeyboardInterrupt
        return push(self, sound)

    monkeypatch.setattr(Renderer, "push", interrupted)
    assert render(here, here / "in.wav", here / "out.wav") == (130, "", "")
    assert {path.name for path in here.iterdir()} == {"in.wav", "p.toml"}


@pytest.fixture
def untouched():
    """Neither signal is ignored, as under nohup, by whoever runs the tests."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in names}
    for one in before:
        signal.signal(one, signal.SIG_DFL)
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


def signalled(monkeypatch, number):
    """Let a render get a signal before its third piece."""
    pushes = iter(range(100))
    push = Renderer.push

    def interrupted(self, sound):
        if next(pushes) == 2 and signal.getsignal(number) != signal.SIG_DFL:
            os.kill(os.getpid(), number)
        return push(self, sound)

    monkeypatch.setattr(Renderer, "push", interrupted)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_kill_or_a_closed_terminal_is_as_good_as_ctrl_c(here, monkeypatch, untouched, name):
    number = getattr(signal, name)
    signalled(monkeypatch, number)
    assert render(here, here / "in.wav", here / "out.wav") == (130, "", "")
    assert {path.name for path in here.iterdir()} == {"in.wav", "p.toml"}
    assert signal.getsignal(number) == signal.SIG_DFL


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
def test_a_command_under_nohup_outlives_its_terminal(here, monkeypatch, untouched):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signalled(monkeypatch, signal.SIGHUP)
    assert render(here, here / "in.wav", here / "out.wav")[0] == 0
    assert (here / "out.wav").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
@pytest.mark.parametrize("before", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_closed_terminal_is_left_to_what_sounds(monkeypatch, untouched, before):
    seen = []

    def looked(*_):
        seen.extend(map(signal.getsignal, (signal.SIGHUP, signal.SIGTERM)))
        raise preset.PresetError("looked")

    signal.signal(signal.SIGHUP, before)
    monkeypatch.setattr("engine.commands.options.set_list", looked)
    assert run("live")[2] == "taraf: looked\n"
    assert seen[0] == before
    assert callable(seen[1])


@pytest.mark.skipif(sys.platform == "win32", reason="has no such pipes")
def test_a_pipe_that_is_closed_is_no_mistake():
    reading, writing = os.pipe()
    os.close(reading)
    program = "import sys; from engine.cli import main; sys.exit(main(['--help']))"
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("extra", [["--tail", "2"], ["--notes", "tune.mid", "--tail", "1"]])
def test_the_bar_ends_with_the_file(here, monkeypatch, extra):
    told = []

    class Watched(Bar):
        def __init__(self, frames, hidden):
            super().__init__(frames, hidden)
            told.append(frames)

        def start(self, name):
            return told.append

    monkeypatch.chdir(here)
    monkeypatch.setattr("engine.commands.render.Bar", Watched)
    monkeypatch.setattr("engine.plugin.Plugin.plays_notes", True)
    midi = mido.MidiFile(tracks=[mido.MidiTrack([mido.Message("note_on", note=60, time=480 * 8)])])
    midi.save("tune.mid")
    assert render(here, "in.wav", "out.wav", *extra)[0] == 0
    assert told[0] == pytest.approx(sum(told[1:]), abs=2)


@pytest.mark.realtime
@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
@pytest.mark.parametrize("command", ["live", "demo"])
def test_a_take_that_is_not_whole_is_told_and_is_no_success(here, monkeypatch, command):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limited(session, quiet):
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        follow(session, quiet)

    monkeypatch.setattr(f"engine.commands.{command}.follow", limited)
    played = {
        "live": (here / "p.toml", "--device", "virtual", "--record", here),
        "demo": ("--preset", here / "p.toml", "--out", here),
    }
    try:
        code, out, err = run(command, *played[command], "--seconds", "2")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert code == 1
    assert re.search("not all was recorded: .*dry.wav: File too large", err)
    assert re.search(f"dry:? +{here}/.*dry.wav", out)


def test_a_preset_without_a_name_is_none(here):
    for arguments in (("render", here / "in.wav", here / "out.wav", "-p", ""), ("live", "")):
        code, _, err = run(*arguments)
        assert code == 2
        assert err.startswith("taraf: no preset is called ''; there are ")


def test_no_preset_has_a_name_that_no_file_could_have(here):
    code, _, err = run("render", here / "in.wav", here / "out.wav", "-p", "x" * 300)
    assert code == 2
    assert err.startswith("taraf: no preset is called 'xxx")


def test_a_preset_that_is_not_there_is_answered_with_what_is_near(here, monkeypatch):
    monkeypatch.setattr(preset, "names", lambda: {"crunch": here / "p.toml"})
    code, _, err = run("render", here / "in.wav", here / "out.wav", "-p", "crnch")
    assert (code, err) == (2, "taraf: no preset is called 'crnch'; near to it: crunch\n")


def test_a_mistake_of_ours_is_not_hidden():
    assert complaint(ValueError("ours")) is None
    assert complaint(KeyError("ours")) is None
    assert complaint(PluginError("a\nb\x1b[31m")) == "a b [31m"


def test_what_the_system_says_is_told_without_its_number():
    full = os.strerror(errno.ENOSPC)
    assert complaint(OSError(errno.ENOSPC, full)) == full
    assert complaint(OSError(errno.ENOSPC, full, "a.wav")) == f"a.wav: {full}"
    assert complaint(OSError("no more")) == "no more"


def test_a_missing_command_shows_the_help_and_a_wrong_one_is_a_line():
    code, out, _ = run()
    assert code == 0
    assert "render" in out
    code, _, err = run("rendr")
    assert (code, err.count("\n")) == (2, 1)


@pytest.mark.parametrize("command", ["render", "plugins", "presets", "devices", "doctor"])
def test_every_command_has_a_help_with_an_example(command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"Example: taraf {command}" in out


def test_the_help_imports_nothing_heavy():
    heavy = "numpy, numba, llvmlite, onnxruntime, soundfile, sounddevice, mido, matplotlib"
    code = (
        "import sys, engine.cli\n"
        "engine.cli.main(['--help'])\n"
        f"print([m for m in {heavy.split(', ')} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")


def test_plugins_are_listed_and_described():
    listed = json.loads(run("plugins", "--json")[1])["plugins"]
    assert [row["name"] for row in listed] == list(catalogue.entries())
    described = json.loads(run("plugins", "gain", "--json")[1])
    assert described["params"]["gain_db"]["allowed"] == "-60 to 36 dB"
    for arguments in (["plugins"], ["plugins", "gain"], ["plugins", "model"]):
        code, out, _ = run(*arguments)
        assert code == 0
        assert arguments[-1].removesuffix("s") in out


def test_a_plugin_that_does_not_load_is_listed_with_its_reason(monkeypatch):
    find = catalogue.find

    def broken(name):
        if name == "eq":
            raise PluginError("plugin eq does not load: no luck")
        return find(name)

    monkeypatch.setattr(catalogue, "find", broken)
    assert "no luck" in run("plugins")[1]
    code, _, err = run("plugins", "eq")
    assert (code, err) == (2, "taraf: plugin eq does not load: no luck\n")


def test_a_preset_is_drawn_with_every_value(here):
    code, out, _ = run("presets", here / "p.toml")
    assert code == 0
    assert "gain_db = -6 dB" in out
    assert "wet = 1" in out
    shown = json.loads(run("presets", here / "p.toml", "--json")[1])
    assert shown["lanes"][0]["plugins"][0]["values"]["gain_db"] == {
        "value": -6.0,
        "unit": "dB",
        "set": True,
    }


def test_a_preset_that_is_drawn_tells_what_its_midi_tables_get_wrong(here):
    with (here / "p.toml").open("a") as file:
        file.write('[[midi]]\ncc = 11\ntarget = "guitar.gain.louder"\n')
    assert "louder" in run("presets", here / "p.toml")[1]
    assert json.loads(run("presets", here / "p.toml", "--json")[1])["warnings"]


def test_presets_are_listed_even_those_that_do_not_load(here, monkeypatch):
    (here / "bad.toml").write_text("[[")
    found = {"good": here / "p.toml", "bad": here / "bad.toml"}
    monkeypatch.setattr(preset, "names", lambda: found)
    rows = {row["name"]: row for row in json.loads(run("presets", "--json")[1])["presets"]}
    assert rows["good"]["about"] == "A test"
    assert "is not TOML" in rows["bad"]["error"]
    assert "A test" in run("presets")[1]


def test_markup_and_escapes_in_a_preset_are_only_text(here):
    rack = Rack("p", "[red]x[/] \x1b[31m [/nope]", RACK.lanes)
    (here / "p.toml").write_text(preset.dump(rack))
    out = run("presets", here / "p.toml")[1]
    assert "[red]x[/]" in out
    assert "\x1b" not in out


def test_the_virtual_device_is_listed_even_without_portaudio(monkeypatch):
    from engine import stream

    def without():
        raise stream.DeviceError(stream.HINT)

    assert json.loads(run("devices", "--json")[1])["devices"][0]["name"] == "virtual"
    monkeypatch.setattr(stream, "devices", without)
    code, out, _ = run("devices")
    assert code == 0
    assert "virtual" in out
    assert "PortAudio is not installed" in out


def test_the_doctor_examines_everything_and_says_how_to_mend_it(monkeypatch):
    catalogue.find("gain")  # loaded before there is no more to load it by
    monkeypatch.setattr(catalogue, "entries", lambda: {"gain": None})
    code, out, _ = run("doctor", "--fix", "--json")
    found = json.loads(out)
    assert code == (0 if found["ok"] else 1)
    checks = {check["name"]: check for check in found["checks"]}
    assert len(checks) == len(doctor.EXAMINATION)
    assert checks["denormals"]["found"] == "flushed to zero in the callback"
    assert checks["kernels"]["found"] == "1 of 1 plugins are compiled"
    assert {check["state"] for check in checks.values()} <= {"ok", "warn", "missing"}
    for check in checks.values():
        assert check["state"] == "ok" or check["fix"], check
        assert "\n" not in check["fix"]


def test_the_doctor_sees_what_is_not_compiled_and_compiles_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("TARAF_CACHE", str(tmp_path))
    catalogue.find("gain")  # loaded before there is no more to load it by
    monkeypatch.setattr(catalogue, "entries", lambda: {"gain": None})
    assert doctor._kernels().state == "warn"
    assert doctor._kernels().fix == "taraf doctor --fix"
    assert doctor._denormals().state == "warn"
    assert not list(tmp_path.iterdir())


def test_the_doctor_fails_only_where_something_needed_is_missing(monkeypatch):
    def missing(needed):
        return lambda: doctor.Check("x", "missing", "gone", "get it", needed)

    for needed, code in ((True, 1), (False, 0)):
        monkeypatch.setattr(doctor, "EXAMINATION", (missing(needed),))
        assert run("doctor")[0] == code


def test_a_mistake_in_the_midi_of_a_preset_is_a_warning_with_its_file(here):
    path = here / "p.toml"
    wrong = ('cc = 200\ntarget = "guitar.pan"', 'cc = 1\ntarget = "guitar.pann"')
    path.write_text(path.read_text() + "".join(f"\n[[midi]]\n{text}\n" for text in wrong))
    code, out, _ = render(here, here / "in.wav", here / "out.wav", "--json")
    assert code == 0
    assert json.loads(out)["warnings"] == [
        f"{path}: midi 1: cc = 200 is not 0 to 127",
        f"{path}: midi: it has no parameter 'guitar.pann'; near to it: guitar.pan",
    ]


@pytest.mark.parametrize("command", ["live", "attach"])
def test_takes_into_a_file_are_refused_before_a_note_is_played(command, tmp_path):
    file = tmp_path / "takes"
    file.touch()
    code, _, err = run(command, "--takes", file)
    assert code != 0
    assert f"--takes {file}: is not a folder" in err


def test_a_file_named_on_the_command_line_lies_where_the_command_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from engine.playing import open_rack

    monkeypatch.chdir(tmp_path)
    (tmp_path / "room.wav").touch()
    for name in ("room.wav", "missing.wav"):
        rack, _ = open_rack("clean", [f"guitar.cabinet.ir={name}"])
        (link,) = [link for link in rack.lanes[0].chain if link.name == "cabinet"]
        assert link.settings["ir"] == str(tmp_path / name)
    rack, _ = open_rack("clean", ["guitar.cabinet.ir=builtin:combo-110"])
    (link,) = [link for link in rack.lanes[0].chain if link.name == "cabinet"]
    assert link.settings["ir"] == "builtin:combo-110"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("play lead", "taraf live?"), ("lead", "taraf live lead?"),
        ("dream", "taraf live dream or taraf sampler dream?"),
        ("train sampler", "taraf sampler train?"), ("score a.wav", "taraf sampler score?"),
        ("render lead a.wav b.wav", "--preset lead?"),
        ("render a.wav b.wav lead", "--preset lead?"), ("live --preset lead", "taraf live NAME?"),
    ],
)  # fmt: skip
def test_a_first_guess_is_told_what_would_have_worked(given, meant, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(*given.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"; did you mean {meant}" in err
    assert not list(tmp_path.iterdir())


def test_a_command_that_is_like_none_is_told_so():
    assert run("zzz")[2] == "taraf: No such command 'zzz'; see taraf --help\n"
    assert "did you mean" not in run("sampler", "zzz")[2]
    assert "Did you mean 'render'?" in run("rendr")[2]
