"""A bench of several parts: those that are named, or all; one that breaks off leaves the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from engine.bench import Report


class StageError(ValueError):
    """A part that does not exist, or could not be measured to its end."""


class Missing(StageError):
    """Something is not installed here; the part is left out."""


def in_parts(
    bench: str, parts: Mapping[str, str], named: Iterable[object] | None,
    measure: Callable[[str, Report], None], say: Callable[[str], None],
    ready: Callable[[], None] = lambda: None,
) -> Report:  # fmt: skip
    """The rows of ``named`` parts, all unless given; ``parts`` tells what each is about.

    ``measure`` adds a part's rows. What raises Missing, or lacks a module, is left out; with
    ValueError it ends early and keeps its rows; ``say`` tells why. ``ready`` is called once the
    names are known to be right. Raises StageError for a part that there is not.
    """
    wanted = [str(name) for name in named or ()] or list(parts)
    for name in wanted:
        if name not in parts:
            raise StageError(f"bench {bench} has no part {name!r}; there are {', '.join(parts)}")
    ready()
    report, failed = Report(bench), 0
    for name in wanted:
        say(f"{name}: {parts[name]}")
        kept = len(report.rows)
        try:
            measure(name, report)
        except (Missing, ModuleNotFoundError) as error:
            say(f"{name} is left out: {error}")
        except ValueError as error:  # the other parts have their figures all the same
            failed += 1
            say(f"{name} ended early after {len(report.rows) - kept} rows: {error}")
    report.add("parts that ended early", failed, "", "none", failed == 0)
    return report


__all__ = ["Missing", "StageError", "in_parts"]
