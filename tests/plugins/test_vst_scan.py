"""Scanning plug-ins: what broken ones do to it (nothing), what is kept, what the player is told."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from engine.cli import main
from engine.preset import PresetError, parse
from plugins.vst import cache, scan, trial
from plugins.vst.errors import VstError
from plugins.vst.finding import Wish, find
from plugins.vst.trial import Outcome

pytestmark = pytest.mark.realtime

pytest.importorskip("pedalboard")
SOURCES = Path(__file__).parent / "bad_vst"
REAL = Path("/usr/lib/vst3/ZamPhono.vst3")
REASONS = {
    "crashes": "crashed with SIGSEGV while it was looked into",
    "exits": "exited with status 3 while it was looked into",
    "hangs": "was still busy after 1 s while it was looked into",
    "empty": "is not a plug-in: ",
    "truncated": "crashed with SIGBUS while it was looked into",
    "random": "is not a plug-in: ",
}


def binary(folder: Path, name: str) -> Path:
    """Where the binary of a bundle lies; the bundle is made."""
    inside = folder / f"{name}.vst3" / "Contents" / f"{os.uname().machine}-linux"
    inside.mkdir(parents=True)
    return inside / f"{name}.so"


def build(folder: Path, name: str) -> Path:
    """A bundle from four lines of C."""
    made = binary(folder, name)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", str(made), str(SOURCES / f"{name}.c")], check=True
    )
    return made


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARAF_VST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VST3_PATH", str(tmp_path / "none"))


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder of plug-ins, each broken in another way."""
    if shutil.which("gcc") is None or not hasattr(os, "uname") or not REAL.is_dir():
        pytest.skip("needs gcc and zam-plugins, on Linux")
    folder = tmp_path / "plugins"
    for name in ("crashes", "exits", "hangs", "empty"):
        build(folder, name)
    whole = next(REAL.glob("Contents/*/*.so")).read_bytes()
    binary(folder, "truncated").write_bytes(whole[: len(whole) // 3])
    binary(folder, "random").write_bytes(np.random.default_rng(0).bytes(20000))
    return folder


def told(capsys: pytest.CaptureFixture[str], *arguments: Any) -> dict[str, Any]:
    """What `taraf vst ... --json` says."""
    capsys.readouterr()
    assert main(["vst", *map(str, arguments), "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_a_scan_survives_every_broken_plugin_and_says_what_each_did(
    broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(REAL, broken / REAL.name)
    before = told(capsys, "scan", broken, "--timeout", 1)
    assert [one["name"] for one in before["plugins"]] == ["ZamPhono"]
    reasons = {one["name"]: one["reason"] for one in before["bad"]}
    assert reasons.keys() == REASONS.keys()
    for name, reason in REASONS.items():
        assert reasons[name].startswith(reason)
    assert told(capsys, "list") == {
        "plugins": before["plugins"],
        "bad": sorted(before["bad"], key=lambda one: one["path"]),
    }


def test_nothing_is_scanned_twice_until_it_changes_or_is_asked_for(
    broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [broken / "exits.vst3", broken / "random.vst3"]
    first = list(scan.scan(paths, 5.0))
    looked: list[Path] = []
    look = scan.look

    def count(path: Path, seconds: float) -> Any:
        looked.append(path)
        return look(path, seconds)

    monkeypatch.setattr(scan, "look", count)
    assert list(scan.scan(paths, 5.0)) == first
    assert looked == []
    changed = next(paths[1].glob("Contents/*/*.so"))
    changed.write_bytes(changed.read_bytes() + b"more")
    list(scan.scan(paths, 5.0))
    assert looked == [paths[1]]
    list(scan.scan(paths, 5.0, again=True))
    assert looked == [paths[1], *paths]


def facts(part: str) -> dict[str, Any]:
    """What a probe tells of a plug-in."""
    texts = dict.fromkeys(("part", "name", "vendor", "version", "category"), part)
    lists = {"channels": [1], "latency": {"48000": 0}, "controls": []}
    return {**texts, **lists, "instrument": False}


def test_one_bad_plugin_of_several_in_a_file_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "Shell.vst3"
    bundle.write_bytes(b"")
    asked: list[list[str]] = []

    def attempt(request: dict[str, Any], seconds: float) -> Outcome:
        """A probe that crashes at the second of three."""
        asked.append(request["skip"])
        if not request["skip"]:
            return Outcome([facts("One")], [("Two", "crashed with SIGSEGV")], crashed=True)
        return Outcome([facts("Three")])

    monkeypatch.setattr(scan, "attempt", attempt)
    record = scan.look(bundle)
    assert [one.part for one in record.plugins] == ["One", "Three"]
    assert [(one.name, one.reason) for one in record.bad] == [("Two", "crashed with SIGSEGV")]
    assert asked == [[], ["One", "Two"]]
    assert find(Wish("three", "", "", "", tmp_path)).part == "Three"
    assert find(Wish("./Shell.vst3", "one", "", "", tmp_path)).part == "One"
    for part, says in (
        ("", r"holds 2 plug-ins; `part` says which: One, Three"),
        ("Two", r"crashed with SIGSEGV; it is passed over until it changes"),
        ("Four", r"has no part 'Four'; there are One, Three"),
    ):
        with pytest.raises(VstError, match=says):
            find(Wish("Shell.vst3", part, "", "", tmp_path))


def test_what_is_done_before_ctrl_c_is_kept(broken: Path) -> None:
    paths = [broken / "exits.vst3", broken / "hangs.vst3"]
    scanning = scan.scan(paths, 5.0)
    next(scanning)
    scanning.close()
    assert [one.path for one in cache.everything()] == paths[:1]


def test_forgetting_leaves_no_trace(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "scan", broken / "exits.vst3", broken / "random.vst3")
    assert told(capsys, "forget", "exits")["forgotten"] == [str(broken / "exits.vst3")]
    assert [one["name"] for one in told(capsys, "list")["bad"]] == ["random"]
    told(capsys, "forget", "--all")
    assert told(capsys, "list") == {"plugins": [], "bad": []}


def test_a_cache_that_somebody_broke_is_written_anew(broken: Path) -> None:
    path = broken / "random.vst3"
    first = list(scan.scan([path]))
    for file in (Path(os.environ["TARAF_VST_CACHE"])).glob("*.json"):
        file.write_text('{"path": 3')
    assert cache.everything() == []
    assert list(scan.scan([path])) == first


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_ends_a_scan_at_once_and_leaves_no_process(broken: Path) -> None:
    code = "import sys; from engine.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "vst", "scan", str(broken / "hangs.vst3")]
    scanning = subprocess.Popen(command, stderr=subprocess.PIPE)
    until = time.monotonic() + 20.0
    children: list[psutil.Process] = []
    while not children and time.monotonic() < until:
        children = psutil.Process(scanning.pid).children()
        time.sleep(0.05)
    scanning.send_signal(signal.SIGINT)
    _, said = scanning.communicate(timeout=20)
    assert scanning.returncode == 130
    assert b"Traceback" not in said
    assert children
    assert not any(child.is_running() for child in children)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_neither_children_nor_printing_without_end_outlive_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    monkeypatch.setattr("plugins.vst.trial.MOST_PRINTED", 100_000)
    cut: list[int] = []
    truncate = os.truncate
    monkeypatch.setattr(os, "truncate", lambda path, size: (cut.append(size), truncate(path, size)))
    bundle = build(tmp_path / "plugins", "forks").parents[2]
    record = scan.look(bundle, 1.0)
    assert record.bad[0].reason == "was still busy after 1 s while it was looked into"
    assert cut
    until = time.monotonic() + 10.0
    while (left := mapping(bundle)) and time.monotonic() < until:
        time.sleep(0.05)
    assert left == []


def mapping(bundle: Path) -> list[int]:
    """The processes that have a bundle's binary in their memory."""
    found = []
    for process in psutil.process_iter():
        try:
            maps = Path(f"/proc/{process.pid}/maps").read_text()
        except OSError:
            continue
        if str(bundle) in maps:
            found.append(process.pid)
    return found


def test_a_plugin_that_crashes_when_it_is_unloaded_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "Last.vst3"
    bundle.write_bytes(b"")
    out, log = tmp_path / "out", tmp_path / "log"
    stages = [{"stage": "loaded", "part": "Last"}, {"plugin": facts("Last")}]
    out.write_text("".join(json.dumps(one) + "\n" for one in stages))
    outcome = trial._told(out, True, -signal.SIGSEGV, 1.0, log)
    assert (outcome.crashed, outcome.refused) == (True, [])
    outcomes = [outcome, Outcome()]
    monkeypatch.setattr(scan, "attempt", lambda request, seconds: outcomes.pop(0))
    record = scan.look(bundle)
    assert [one.name for one in record.plugins] == ["Last"] and record.bad == ()
    assert outcomes == []


def test_links_in_a_circle_show_no_plugin_twice(tmp_path: Path) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    (inside / "X.vst3").write_bytes(b"")
    (inside / "up").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(inside)
    assert len(scan.found_in([tmp_path])) == 1


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions of POSIX")
def test_a_folder_that_may_not_be_read_is_passed_over() -> None:
    code = (
        "import os, sys; from pathlib import Path; from plugins.vst.scan import found_in;"
        "os.geteuid() or os.seteuid(65534);"
        "print(*(one.name for one in found_in([Path(sys.argv[1])])))"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "Y.vst3").mkdir()
        shut = folder / "shut"
        (shut / "X.vst3").mkdir(parents=True)
        for mode in (0o000, 0o444):
            shut.chmod(mode)
            ran = subprocess.run([sys.executable, "-c", code, name], capture_output=True)
            assert (ran.stderr, ran.stdout.split()) == (b"", [b"Y.vst3"])
        shut.chmod(0o755)


@pytest.mark.skipif(sys.platform != "linux", reason="file names that are no text")
def test_a_name_that_is_no_text_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / os.fsdecode(b"b\xffd.vst3")).write_bytes(b"")
    bad = told(capsys, "scan", tmp_path)["bad"]
    assert [one["reason"] for one in bad] == ["its name, or a folder's, is not UTF-8; rename it"]
    assert main(["vst", "list"]) == 0


def test_a_bundle_that_goes_away_meanwhile_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(VstError, match=r"Gone\.vst3: cannot be read: No such file"):
        scan.look(tmp_path / "Gone.vst3")


def test_a_window_that_cannot_be_shown_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not REAL.is_dir():
        pytest.skip("needs zam-plugins")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert main(["vst", "edit", str(REAL)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith(f"taraf: {REAL}: ")


def preset_with(plugin: str) -> str:
    return f'[[lane]]\n[[lane.plugin]]\nuse = "vst"\nplugin = "{plugin}"\n'


@pytest.mark.parametrize(
    ("plugin", "says"),
    [
        ("/nowhere/Foo.vst3", r"/nowhere/Foo\.vst3: there is no such plug-in; `taraf vst list`"),
        ("Foo", r"no plug-in is called 'Foo'; .*`taraf vst scan` looks for more"),
        ("./amp.txt", r"amp\.txt: there is no such plug-in"),
        ("~nobody-here/Foo.vst3", r"'~nobody-here/Foo\.vst3' names no file"),
        ("/" + 300 * "o" + ".vst3", r"names no file: File name too long"),
    ],
)
def test_a_preset_with_a_plugin_that_is_not_there_is_one_clear_line(plugin: str, says: str) -> None:
    with pytest.raises(PresetError, match=says) as caught:
        parse(preset_with(plugin), "p.toml")
    assert "\n" not in str(caught.value)


def test_a_preset_with_a_bad_plugin_says_why_and_what_to_do(broken: Path) -> None:
    bundle = broken / "exits.vst3"
    says = rf"{bundle}: exited with status 3 .*`taraf vst scan --again`"
    with pytest.raises(PresetError, match=says):
        parse(preset_with(str(bundle)), "p.toml")
    with pytest.raises(PresetError, match=says):  # by name, now that it is known
        parse(preset_with("exits"), "p.toml")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["scan", "/nowhere"], "/nowhere: there is no such folder or plug-in"),
        (["info", "nothing"], "no plug-in is called 'nothing'; `taraf vst scan` looks for more"),
        (["forget"], "nothing says what to forget: give names, or --all"),
        (["forget", "nothing"], "nothing: no scan found a plug-in of that name"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["vst", *arguments]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert says in lines[0]
