"""What a command refuses for what lies here, seen before it is sent to where that does not lie."""

from __future__ import annotations

from pathlib import Path


def refuse(plays: str, run: Path, model: Path, resume: bool) -> None:
    """Raise what the command would raise here: its run's folder or its model's is taken."""
    from models.judging.errors import needed

    with needed("train"):
        if plays == "model":
            from models.effects import deploy

            deploy.make_sure(model)
        elif plays == "rhythm":
            from models.pulse.rhythm import writing

            writing.make_sure(model)
        elif plays == "morph":
            from models.morph.live.training import began

            began(run, resume)
        elif plays == "sampler":
            from models.sampler.folder import check_folder

            check_folder(run, resume)


__all__ = ["refuse"]
