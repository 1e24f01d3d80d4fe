"""Makes what is shipped and measured: pairs of the nine families, baselines and the zoo's models.

python -m models.effects.make pairs work          # dry sounds and nine folders of pairs
python -m models.effects.make zoo work chorus     # a model of the zoo, or all nine
python -m models.effects.make zoo work drive lead # the two that presets play
python -m models.effects.make baselines work      # the published networks on the same pairs
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from models.effects.families import FAMILIES, SAMPLE_RATE, Family, FamilyError, family

Value = str | int | float

HERE = Path(__file__).parent
ZOO = HERE.parent / "zoo"
BASELINES = HERE / "baselines" / "trained"
DRY_MINUTES = 5.0
BASELINE_STEPS = {"convolution": 400, "lstm": 500, "wavenet": 200}
MODEL_MINUTES = 5.0


def make_dry(work: Path) -> Path:
    """The dry sounds that all families hear: the same for ever."""
    from models.pairs.make import Order, make

    folder = work / "dry"
    if not (folder / "dry.jsonl").is_file():
        make(folder, Order(minutes=DRY_MINUTES, rate=SAMPLE_RATE))
    return folder


def make_pairs(work: Path, one: Family, dry: Path | None = None) -> Path:
    """Render the pairs of a family into ``work``; what is done already is kept."""
    from models.pairs.render import Effect, Work, render
    from models.pairs.spec import parse_chain, parse_latency

    out = work / one.name
    effect = Effect(parse_chain(one.plugin(work / "files")), latency=parse_latency(one.latency))
    summary = render(dry or make_dry(work), out, effect, Work())
    for pair, why in summary.failed:
        print(f"{one.name}: {pair}: {why}", file=sys.stderr)
    return out


def make_model(work: Path, one: Family, minutes: float) -> Path:
    """Train what imitates a family and put it into the zoo."""
    from models.effects.auto import choose
    from models.effects.deploy import deploy
    from models.effects.training import Settings
    from models.pairs import open_pairs

    pairs = open_pairs(make_pairs(work, one))
    settings = Settings(minutes=minutes, folder=work / "runs" / one.name)
    choice = choose(pairs, one.architecture, settings, lambda line: print(f"{one.name}: {line}"))
    best = choice.best
    said: dict[str, Value] = {
        "command": f"python -m models.effects.make zoo work {one.name} --minutes {minutes:g}",
        "effect": one.chain,
        "data": f"{pairs.seconds:.0f} s of `taraf pairs make`, rendered",
        "esr": float(f"{best.score.esr:.3g}"),
        "mel_db": float(f"{best.score.mel_db:.3g}"),
    }
    return deploy(best.candidate, ZOO / one.name, one.about, said).path


def make_baselines(work: Path, one: Family, kinds: Sequence[str]) -> None:
    """Train the published networks on a family's pairs; what is there is kept."""
    from models.effects.baselines import train_baseline
    from models.pairs import open_pairs

    pairs = open_pairs(make_pairs(work, one))
    for kind in kinds:
        path = BASELINES / f"{one.name}-{kind}.npz"
        if not path.exists():
            print(f"{one.name}: {kind}", flush=True)
            train_baseline(kind, pairs, 0.0, steps=BASELINE_STEPS[kind]).save(path)


def main() -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser("python -m models.effects.make", description=__doc__)
    parser.add_argument("what", choices=("pairs", "zoo", "baselines"))
    parser.add_argument("work", type=Path, help="folder for pairs and runs")
    parser.add_argument("names", nargs="*", help="families; all nine unless given")
    parser.add_argument("--minutes", type=float, default=MODEL_MINUTES)
    given = parser.parse_args()
    try:
        asked = [family(name) for name in given.names] or FAMILIES
    except FamilyError as error:
        raise SystemExit(str(error)) from None
    for one in asked:
        if one.missing:
            print(f"{one.name}: needs {one.missing}", file=sys.stderr)
        elif given.what == "pairs":
            print(make_pairs(given.work, one))
        elif given.what == "zoo":
            print(make_model(given.work, one, given.minutes))
        else:
            make_baselines(given.work, one, tuple(BASELINE_STEPS))


if __name__ == "__main__":
    main()
