"""From pairs to the best way to play their effect: grey boxes first, networks in the time left.

A grey box takes seconds and is exact where it fits, so all are asked. What none of them explains
is learnt by networks: a few are tried in short trainings and the best gets the time that is left.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engine.boxes import BoxError
from engine.jobs import stretch
from engine.neural.network import Stage
from models.effects.candidate import Candidate, Score, judge, of_found, of_trained
from models.effects.dataset import SOME_ROWS
from models.effects.grey import Found, GreyError
from models.effects.grey.fitting import residual, with_residual
from models.effects.grey.linear import heart
from models.effects.networks import ARCHITECTURES, build
from models.effects.networks.cascade import Cascade
from models.effects.networks.gains import Gains
from models.effects.training import Settings, Trained, TrainingError, checkpoint, train
from models.pairs import Pairs, PairsError

FINDERS = {
    "echo": "models.effects.grey.echo",
    "linear": "models.effects.grey.linear",
    "tail": "models.effects.grey.tail",
    "compression": "models.effects.grey.compression",
    "tremolo": "models.effects.grey.tremolo",
    "modulation": "models.effects.grey.modulation",
    "phaser": "models.effects.grey.phaser",
    "pitch": "models.effects.grey.pitch",
}
"""Every grey box that may be found: what says more first (an echo has no end), then the quick."""
AUTO, GREY = "auto", "grey"
LINEAR, RESIDUAL = "linear", "ssm"
"""A response that explains most is tried with a network beside it for what it leaves."""
ENOUGH = 1e-3
"""ESR of a grey box from which on no network is tried: it would not be heard."""
NEARLY = 0.2
"""Share of the clean sound's mel distance that a box without a waveform to match must reach."""
HEATS = ("lstm", "ssm", "wavenet-a2", "lstm+fir", "ssm+fir")
HEAT_SHARE = 0.08
"""Of the time, for each of the networks that are tried."""
FIR, FIR_TAPS = "+fir", 2048
"""Behind a network's name: a response of 43 ms at 48 kHz is learnt with it, for a cabinet."""
GAIN = "+gain"
"""Behind a network's name: its knobs are gains before and after it."""
WINNER = "architecture.txt"
"""In the folder of a training: which network won the heats."""

Tell = Callable[[str], None]


class Tried(NamedTuple):
    """A candidate and how near it came on held-out sound."""

    candidate: Candidate
    score: Score


@dataclass(frozen=True)
class Choice:
    """The best candidate, everything that was tried, best first, and the training if it was one."""

    best: Tried
    tried: tuple[Tried, ...]
    notes: tuple[str, ...]
    trained: Trained | None = None


def choose(
    pairs: Pairs, architecture: str, settings: Settings, tell: Tell, resume: bool = False
) -> Choice:
    """The best of what ``architecture`` asks for; TrainingError or PairsError in one line.

    "auto" tries everything, "grey" only grey boxes; else a box or a network by its name.
    """
    check_name(architecture)
    for split in ("train", "validation"):
        if not pairs.split(split):
            raise TrainingError(f"{pairs.folder}: no pair is for {split}")
    if len({pair.controls for pair in pairs.pairs}) > 1:
        raise PairsError(f"{pairs.folder}: {SOME_ROWS}")
    notes: list[str] = []
    tried: list[Tried] = []
    if core_of(architecture) in ARCHITECTURES:
        trained = learn(pairs, architecture, settings, resume)
        tried.append(scored(of_trained(trained, pairs), pairs))
        return Choice(tried[0], tuple(tried), (), trained)
    asked = FINDERS if architecture in (AUTO, GREY) else {architecture: FINDERS[architecture]}
    try:
        for found in finds(pairs, asked, notes, tell):
            tried.append(scored(of_found(found, pairs), pairs))
            tell(f"{found.name}: {_told(tried[-1])}")
    except KeyboardInterrupt:
        if not tried:
            tell("stopped; nothing was found yet")
            raise
        tell("stopped; the best so far is kept")
        return _choice(tried, notes, None)
    found_enough = any(_is_enough(one) for one in tried)
    if architecture != AUTO or found_enough:
        if not tried:
            raise TrainingError(f"{pairs.folder}: {'; '.join(notes) or 'no grey box fits'}")
        return _choice(tried, notes, None)
    try:
        last = learn_the_rest(pairs, tried, settings, tell, notes, resume)
    except KeyboardInterrupt:
        if not tried:
            raise
        tell("stopped; the best so far is kept")
        return _choice(tried, notes, None)
    except TrainingError as error:
        if resume or not tried:
            raise
        tell(str(error))
        return _choice(tried, [*notes, str(error)], None)
    return _choice(tried, notes, last)


def learn_the_rest(
    pairs: Pairs, tried: list[Tried], settings: Settings, tell: Tell, notes: list[str],
    resume: bool,
) -> Trained:  # fmt: skip
    """Learn what no box explains, and put what was made behind ``tried``."""
    for one in [one for one in tried if one.candidate.name == LINEAR]:
        tell(f"trying {LINEAR}+{RESIDUAL}")
        try:
            both = with_rest(pairs, one.candidate, settings)
        except TrainingError as error:
            notes.append(str(error))
            continue
        tried.append(scored(both, pairs))
        tell(f"{both.name}: {_told(tried[-1])}")
        if both.said.get("stopped") == "interrupted":
            raise KeyboardInterrupt  # that one was of its training alone
    trained = compete(pairs, settings, tell, notes, resume)
    tried.append(scored(of_trained(trained, pairs), pairs))
    tell(f"{trained.architecture}: {_told(tried[-1])}")
    return trained


def with_rest(pairs: Pairs, linear: Candidate, settings: Settings) -> Candidate:
    """An impulse response, and beside it a network that learns what the response leaves."""
    stage = linear.network.ops[0]
    assert isinstance(stage, Stage)
    heat = replace(settings, minutes=HEAT_SHARE * settings.minutes, folder=None)
    with stretch(0.0, 0.0):  # beside the time of the others
        trained = train(residual(pairs, stage.box), RESIDUAL, heat)
    name = f"{LINEAR}+{RESIDUAL}"
    network = with_residual(linear.network, trained.module.to_network())
    why = (*linear.why, f"What is not linear is left to {trained.module.weights} weights.")
    knobs = of_trained(trained, pairs).knobs  # rows beside the sound
    said = {"stopped": trained.stopped}
    return replace(
        linear, name=name, architecture=name, network=network, why=why, knobs=knobs, said=said
    )


def check_name(architecture: str) -> None:
    """TrainingError if nothing is called so."""
    if architecture in (AUTO, GREY, *FINDERS) or core_of(architecture) in ARCHITECTURES:
        return
    known = ", ".join((AUTO, GREY, *FINDERS, *ARCHITECTURES))
    more = f"{known}, and {FIR} or {GAIN} behind a network's name"
    raise TrainingError(f"no architecture is called {architecture}; there are {more}")


def finds(pairs: Pairs, finders: dict[str, str], notes: list[str], tell: Tell) -> Iterator[Found]:
    """Ask every finder; what is no effect of its kind is noted and left."""
    for name, module in finders.items():
        tell(f"is it {name}?")
        try:
            found: Found | None = import_module(module).find(pairs)
        except (GreyError, BoxError) as error:
            notes.append(f"{name}: {error}")
            continue
        if found is None:
            notes.append(f"{name}: it is not")
            continue
        yield found
        if found.validation_esr < ENOUGH:
            return


def compete(
    pairs: Pairs, settings: Settings, tell: Tell, notes: list[str], resume: bool
) -> Trained:
    """Try some networks shortly, then train the best in the time that is left.

    Ctrl-C ends it with the best so far.
    """
    chosen = _resumed(settings.folder) if resume else None
    heats: list[Trained] = []
    if chosen is None:
        if resume:
            tell("there is no training to go on with; it begins anew")
        _forget(settings.folder)
        heats, stopped = _heats(pairs, settings, tell, notes)
        if stopped:
            return min(heats, key=_error)
        chosen = min(heats, key=_error).architecture
        _begin(settings.folder, chosen)
    tell(f"training {chosen}")
    tried = HEAT_SHARE * len(heats_for(pairs))
    rest = replace(settings, minutes=settings.minutes * (1.0 - tried))
    try:
        with stretch(tried, 1.0):
            heats.append(learn(pairs, chosen, rest, resume and not heats))
    except (KeyboardInterrupt, TrainingError) as error:
        if not heats:
            raise
        notes.append(str(error) or "training: stopped at once")
    return min(heats, key=_error)


def heats_for(pairs: Pairs) -> tuple[str, ...]:
    """The networks that are tried; where only knobs are turned, one whose knobs are gains, too."""
    return (*HEATS, HEATS[0] + GAIN) if pairs.knobs and not pairs.pairs[0].controls else HEATS


def _heats(
    pairs: Pairs, settings: Settings, tell: Tell, notes: list[str]
) -> tuple[list[Trained], bool]:
    """Every network after a short training, and whether Ctrl-C ended that.

    One that cannot be trained is noted; TrainingError where none can.
    """
    heat = replace(settings, minutes=HEAT_SHARE * settings.minutes, folder=None)
    done: list[Trained] = []
    for number, name in enumerate(heats_for(pairs)):
        tell(f"trying {name}")
        try:
            with stretch(number * HEAT_SHARE, (number + 1) * HEAT_SHARE):
                done.append(learn(pairs, name, heat))
        except TrainingError as error:
            notes.append(str(error))
            continue
        except KeyboardInterrupt:  # between two trainings
            if not done:
                raise
            return done, True
        trained = done[-1]
        notes.append(f"{name}: ESR {trained.validation_esr:.3g} after {trained.seconds:.0f} s")
        if trained.stopped == "interrupted":
            return done, True
    if not done:
        raise TrainingError(f"{pairs.folder}: no network can be trained on it; {notes[-1]}")
    return done, False


def learn(pairs: Pairs, name: str, settings: Settings, resume: bool = False) -> Trained:
    """Train a network by its name, with a response behind it where the name says so."""
    core = core_of(name)
    if core == name:
        return train(pairs, name, settings, resume)
    network = (_with_gains if name.endswith(GAIN) else _with_response)(pairs, core, settings.seed)
    return replace(train(pairs, core, settings, resume, network=network), architecture=name)


def core_of(name: str) -> str:
    """A network's name without what is put behind or around it."""
    return name.removesuffix(GAIN if name.endswith(GAIN) else FIR)


def _with_response(pairs: Pairs, core: str, seed: int) -> Cascade:
    known, response = heart(pairs), np.zeros(FIR_TAPS)
    response[0] = 1.0
    if known is not None:
        found = known.response.taps[:FIR_TAPS]
        response[: len(found)] = found
    controls = len(pairs.knobs) + pairs.pairs[0].controls
    return Cascade(build(core, controls, seed), response, pairs.sample_rate)


def _with_gains(pairs: Pairs, core: str, seed: int) -> Gains:
    """Knobs as gains, each beginning with how much louder it makes the wet sound, in nepers."""
    if not pairs.knobs:
        raise TrainingError(f"{pairs.folder}: {core}{GAIN} is for pairs that turn a knob")
    if pairs.pairs[0].controls:
        told = f"{core}{GAIN} is for knobs that stand still, not for rows beside the sound"
        raise TrainingError(f"{pairs.folder}: {told}")
    heard = pairs.split("train")
    positions = [[k.position(pair.knobs[k.name]) for k in pairs.knobs] + [1.0] for pair in heard]
    powers = [np.mean(np.square(pair.load()[1], dtype=np.float64)) for pair in heard]
    levels = 0.5 * np.log(np.array(powers) + 1e-12)
    rise = np.linalg.lstsq(np.array(positions), levels, rcond=None)[0][:-1]
    return Gains(build(core, 0, seed), len(pairs.knobs), [float(slope) for slope in rise])


def _forget(folder: Path | None) -> None:
    """An earlier training in ``folder`` is over: it must not be resumed for this one."""
    if folder is not None:
        for name in (WINNER, checkpoint.NAME):
            (folder / name).unlink(missing_ok=True)


def _begin(folder: Path | None, chosen: str) -> None:
    """Note in ``folder`` what is trained there."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / WINNER).write_text(chosen, encoding="utf-8")


def _resumed(folder: Path | None) -> str | None:
    """What was being trained in ``folder``; None where the tries were not over yet."""
    if folder is None or not all((folder / name).is_file() for name in (WINNER, checkpoint.NAME)):
        return None
    name = (folder / WINNER).read_text(encoding="utf-8").strip()
    return name if core_of(name) in ARCHITECTURES else None


def _error(trained: Trained) -> float:
    return trained.validation_esr


def scored(candidate: Candidate, pairs: Pairs) -> Tried:
    """Measure a candidate on the validation pairs."""
    return Tried(candidate, judge(candidate, pairs.split("validation")))


def _is_enough(tried: Tried) -> bool:
    """Whether a box explains all that can be heard; a waveform need not match if pitch moves."""
    if tried.candidate.latency_samples:
        return tried.score.share <= NEARLY
    return tried.score.esr <= ENOUGH


def _choice(tried: list[Tried], notes: list[str], trained: Trained | None) -> Choice:
    order = sorted(tried, key=_rank)
    best = order[0]
    ours = trained if trained is not None and best.candidate.name == trained.architecture else None
    return Choice(best, tuple(order), tuple(notes), ours)


def _rank(tried: Tried) -> float:
    """Lower is better: the ESR, or what the mel distance is worth where no waveform matches."""
    error = tried.score.esr
    if tried.candidate.latency_samples:
        error = min(error, tried.score.share**2)
    return error if math.isfinite(error) else 1e9


def _told(tried: Tried) -> str:
    score = tried.score
    return f"ESR {score.esr:.2g}, mel distance {score.mel_db:.2f} dB of {score.clean_mel_db:.2f} dB"
