"""Units of work: each is done once, by whoever is left, and is the same wherever it was done."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from models.bench.cluster.scaling import simulate
from models.bench.cluster.speed import Costs
from models.cluster import ClusterError, File, Outcome, Program, Unit, node
from models.cluster.here import GIVE_UP, Here
from models.cluster.packing import content_hash, packed, unpack
from models.cluster.ray_run import together
from models.cluster.store import Store
from models.cluster.where import check, executor

PROGRAM = Program("adding")


@pytest.fixture(autouse=True)
def _own_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def unit(number: int, **more: object) -> Unit:
    return Unit(str(number), {"a": number, **more})


def sums(outcomes: list[Outcome]) -> list[int]:
    return sorted(outcome.answer["sum"] for outcome in outcomes)


def test_every_unit_is_done_once() -> None:
    outcomes = list(Here(2).run(PROGRAM, map(unit, range(50))))
    assert sums(outcomes) == list(range(1, 51))
    assert len({outcome.answer["pid"] for outcome in outcomes}) == 2
    assert len({outcome.unit.id for outcome in outcomes}) == 50


def test_a_crash_costs_its_unit_and_a_mistake_is_told() -> None:
    units = [unit(1), unit(2, crash=True), unit(3, wrong=True), unit(4)]
    outcomes = {o.unit.id: o for o in Here(1).run(PROGRAM, units)}
    assert "exit code 3" in outcomes["2"].error
    assert (outcomes["3"].error, outcomes["3"].asked) == ("that is wrong", True)
    assert [outcomes[name].answer["sum"] for name in "14"] == [2, 5]


def test_what_hangs_is_ended_and_what_always_crashes_is_given_up() -> None:
    late = replace(PROGRAM, timeout_s=0.5)
    (outcome,) = Here(1).run(late, [unit(1, wait=60.0)])
    assert outcome.error == "no answer within 0.5 s"
    outcomes = list(Here(2).run(PROGRAM, [unit(n, crash=True) for n in range(GIVE_UP + 6)]))
    assert sum("given up" in outcome.error for outcome in outcomes) >= 4


def test_what_comes_next_may_depend_on_what_came() -> None:
    told: list[int] = []

    def units() -> Iterator[Unit | None]:
        yield unit(10)
        while not told:
            yield None
        yield unit(told[0])

    for outcome in Here(2).run(PROGRAM, units(), ahead=False):
        told += [outcome.answer["sum"]]
    assert told == [11, 12]


def test_leaving_early_ends_the_processes() -> None:
    outcomes = Here(2).run(PROGRAM, [unit(0), *(unit(n, wait=60.0) for n in range(1, 4))])
    pid = next(outcomes).answer["pid"]
    outcomes.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_key_is_of_all_that_decides_and_of_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "a"
    source.write_bytes(b"sound")
    task = {"source": str(source), "target": str(tmp_path / "b"), "gain": 1.0}
    one = Unit("x", task, {"source": File(str(source), "1f")}, {"target": task["target"]})
    moved = {**task, "source": "/else/where", "target": "/over/there"}
    same = Unit("y", moved, {"source": File("/else/where", "1f")}, {"target": "/over/there"})
    assert one.key(PROGRAM) == same.key(PROGRAM)
    other = replace(one, reads={"source": File(str(source), "2f")})
    louder = replace(one, task={**task, "gain": 2.0})
    for program, changed in (
        (PROGRAM, other),
        (PROGRAM, louder),
        (replace(PROGRAM, setup={"stages": 1}), one),
        (replace(PROGRAM, code=("models.pairs",)), one),
    ):
        assert changed.key(program) != one.key(PROGRAM)
    assert one.key(replace(PROGRAM, setup={"log": "x"})) == one.key(PROGRAM)  # only where it prints


def test_a_folder_is_packed_the_same_each_time_and_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "one").write_bytes(b"1")
    (folder / "two").write_bytes(b"2")
    (folder / ("long" * 30)).write_bytes(b"3")
    (folder / ".half.part").write_bytes(b"3")
    data = packed(folder)
    os.utime(folder / "two", (1, 1))
    assert packed(folder) == data
    unpack(data, tmp_path / "b", is_folder=True)
    assert content_hash(tmp_path / "b") == content_hash(folder)
    assert not (tmp_path / "b" / ".half.part").exists()
    (folder / "two").write_bytes(b"4")
    unpack(packed(folder), tmp_path / "b", is_folder=True)
    assert (tmp_path / "b" / "two").read_bytes() == b"4"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a machine keeps what units read."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    caches = (node._kept, node._scratch)
    for one in caches:
        one.cache_clear()
    yield tmp_path / f"taraf-inputs-{os.getuid()}"
    for one in caches:
        one.cache_clear()


def order(path: Path, content: bytes, store: Path) -> node.Order:
    sha256 = hashlib.sha256(content).hexdigest()
    Store(str(store)).put(f"inputs/{sha256}", content)
    reads = {"source": (str(path), sha256, False)}
    return node.Order(PROGRAM, {}, {"a": 1, "target": ""}, "key", str(store), reads, {})


@pytest.mark.skipif(os.name != "posix", reason="a folder's mode tells whose it is")
def test_what_units_read_is_kept_where_nobody_else_can_write_and_is_looked_at_again(
    kept: Path, tmp_path: Path
) -> None:
    pytest.importorskip("fsspec")
    wanted = order(Path("/nowhere/source"), b"sound", tmp_path / "store")

    def read() -> bytes:
        found, missing = node._reads(wanted)
        assert not missing
        return Path(found["source"]).read_bytes()

    for make in (lambda: kept.symlink_to(tmp_path), lambda: kept.mkdir(), kept.touch):
        make()
        with pytest.raises(ClusterError, match="is no folder that is this user's alone; remove it"):
            read()
        kept.rmdir() if kept.is_dir() and not kept.is_symlink() else kept.unlink()
    assert read() == b"sound"
    assert kept.stat().st_mode & 0o777 == 0o700
    (place,) = kept.glob("*/source")
    place.write_bytes(b"other")
    assert read() == b"sound"


def test_what_another_worker_throws_away_at_the_same_time_is_no_mistake(
    kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.mkdir(mode=0o700)
    (kept / "gone").symlink_to(tmp_path / "nothing")
    seen = Path.iterdir

    def meanwhile(folder: Path) -> list[Path]:
        found = list(seen(folder))
        for path in found if folder == kept else ():
            path.unlink()
        return found

    monkeypatch.setattr(Path, "iterdir", meanwhile)
    assert node._kept() == kept


@pytest.mark.parametrize("on", ["moon", "ray://", "ray://head", "ray://head:x", "rays"])
def test_nowhere_is_one_line(on: str) -> None:
    with pytest.raises(ClusterError, match=f"--on {on}: allowed are local, ray and"):
        check(on)
    with (
        pytest.raises(ClusterError, match="--store /x: is for --on ray"),
        executor("local", 1, "/x"),
    ):
        pass


def test_nothing_imports_ray_and_without_it_one_line_says_how_to_install_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError('no', name='ray')\n")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    (tmp_path / "dry").mkdir()

    def taraf(*words: str) -> subprocess.CompletedProcess[str]:
        code = "import sys; from engine.cli import main; sys.exit(main())"
        command = [sys.executable, "-c", code, *words]
        return subprocess.run(command, capture_output=True, text=True, env=env, cwd=tmp_path)

    assert taraf("plugins").returncode == 0  # all commands are imported
    given = ("dry", "out", "--plugin", "pedalboard:Gain")
    here = taraf("pairs", "render", *given)
    assert "no sound file" in here.stderr
    there = taraf("pairs", "render", *given, "--on", "ray://head:10001")
    told = "taraf: --on ray needs Ray, which is not installed: pip install 'taraf[cluster]'\n"
    assert (there.returncode, there.stderr) == (2, told)


def test_units_travel_alone_unless_giving_them_out_would_take_longer_than_doing_them() -> None:
    assert together(4, 0.05, 1e-3) == 1
    assert together(4, 0.005, 1e-3) == 4
    assert 100 < together(16_000, 0.005, 1e-3) <= 200  # never more than a second of work
    assert together(16_000, 60.0, 1e-3) == 1


def test_the_simulation_is_bound_by_cores_where_units_are_long_and_else_by_the_driver() -> None:
    costs = Costs(pair_s=0.005, task_s=1e-3, unit_s=2e-4)
    assert simulate(costs, 10, 60.0).efficiency > 0.98
    few, many = (simulate(costs, nodes, 0.005).rate for nodes in (100, 1000))
    assert few == pytest.approx(many, rel=0.01)
    assert few == pytest.approx(1.0 / (2e-4 + 1e-3 / together(1600, 0.005, 1e-3)), rel=0.05)
