"""Pairs and units on a real Ray cluster of several nodes, of which some die in the middle."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs Ray: pip install 'taraf[cluster]'")
pytest.importorskip("pedalboard")

from models.bench.cluster.nodes import Nodes, several_nodes
from models.cluster import ClusterError, File, Program, Unit
from models.cluster.on_ray import OnRay
from models.cluster.packing import content_hash
from models.pairs import spec
from models.pairs.render import Effect, Work, render
from models.pairs.wav import wav_bytes

HERE = Path(__file__).parent
ADDING = Program("adding")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(dir="/tmp") as folder:
        patch.setenv("PYTHONPATH", str(HERE))
        with several_nodes(Path(folder), 2, 1) as started:
            yield started


@pytest.fixture
def there(nodes: Nodes) -> OnRay:
    return OnRay()


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def copied(tmp_path: Path, number: int, **more: Any) -> Unit:
    source, target = tmp_path / f"source-{number}", tmp_path / "out" / f"target-{number}"
    source.write_bytes(b"%d" % number)
    task = {"a": number, "source": str(source), "target": str(target), **more}
    return Unit(
        str(number),
        task,
        {"source": File(str(source), content_hash(source))},
        {"target": str(target)},
    )


def test_units_come_back_once_with_what_they_wrote(there: OnRay, tmp_path: Path) -> None:
    units = [copied(tmp_path, n) for n in range(9)]
    outcomes = {o.unit.id: o for o in there.run(ADDING, units)}
    assert {name: o.answer["sum"] for name, o in outcomes.items()} == {
        str(n): n + 1 for n in range(9)
    }
    assert [(tmp_path / "out" / f"target-{n}").read_bytes() for n in range(9)] == [
        b"%d" % n * 2 for n in range(9)
    ]
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]


def test_a_crash_is_its_units_and_a_mistake_is_told(there: OnRay) -> None:
    units = [
        Unit("1", {"a": 1}),
        Unit("2", {"a": 2, "crash": True}),
        Unit("3", {"a": 3, "wrong": True}),
    ]
    outcomes = {o.unit.id: o for o in there.run(ADDING, units)}
    assert outcomes["1"].answer["sum"] == 2
    assert "exit code 3" in outcomes["2"].error
    assert outcomes["3"].asked


def test_without_a_disk_in_common_contents_go_through_ray(
    there: OnRay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.cluster.ray_run.Probes.beside", lambda *_: "")
    unit = copied(tmp_path, 5)
    hidden = Unit(
        "5",
        {**unit.task, "source": "/nowhere/source-5"},
        {"source": File("/nowhere/source-5", unit.reads["source"].sha256)},
        unit.writes,
    )
    monkeypatch.setattr("models.cluster.ray_run.packed", lambda _: b"5")
    (outcome,) = there.run(ADDING, [hidden])
    assert outcome.error == ""
    assert (tmp_path / "out" / "target-5").read_bytes() == b"55"


def test_a_store_remembers_what_was_done(nodes: Nodes, tmp_path: Path) -> None:
    log, store = tmp_path / "log", f"file://{tmp_path / 'store'}"
    units = [copied(tmp_path, n, log=str(log)) for n in range(3)]
    list(OnRay(store=store).run(ADDING, units))
    first = contents(tmp_path / "out")
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    outcomes = list(OnRay(store=store).run(ADDING, units))
    assert sorted(o.answer["sum"] for o in outcomes) == [1, 2, 3]
    assert contents(tmp_path / "out") == first
    assert sorted(log.read_text().split()) == ["0", "1", "2"]  # each was done once


def test_other_code_on_a_node_is_refused(there: OnRay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.cluster.ray_run.versions", lambda _: {"numpy": "0.1"})
    with pytest.raises(ClusterError, match=r"numpy is .* there and 0\.1 here"):
        list(there.run(Program("adding", code=("numpy",)), [Unit("1", {"a": 1})]))


def test_pairs_are_the_same_bytes_though_a_worker_and_a_node_are_killed(
    nodes: Nodes, there: OnRay, tmp_path: Path
) -> None:
    import numpy as np

    for number in range(5):
        sound = np.random.default_rng(number).uniform(-0.5, 0.5, 12_000).astype(np.float32)
        path = tmp_path / "dry" / f"{number}.wav"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(wav_bytes(sound, 48_000))
    chain = spec.parse_chain("pedalboard:Distortion|pedalboard:Reverb")
    effect = Effect(chain, grid=spec.parse_grid(["drive_db=0:30:12"]))
    killed: list[str] = []

    def told(done: int, of: int) -> None:
        if done >= 12 and not killed and nodes.kill_worker(0):
            killed.append("worker")
        if done >= 30 and len(killed) == 1:
            nodes.kill_node(1)
            killed.append("node")

    here = render(tmp_path / "dry", tmp_path / "here", effect, Work(2))
    done = render(tmp_path / "dry", tmp_path / "there", effect, Work(on=there), told)
    assert killed == ["worker", "node"]
    assert (here.rendered, done.rendered, done.failed) == (60, 60, ())
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    lines = (tmp_path / "there" / "pairs.jsonl").read_text().splitlines()[1:]
    assert len({json.loads(line)["id"] for line in lines}) == len(lines) == 60
