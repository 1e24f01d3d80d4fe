"""Documents written to a file and opened, or refused."""

import pytest
from modelfiles import samples

from engine.modelfiles import ModelFileError, open_model


@pytest.fixture
def opened(tmp_path):
    """``opened(document, name, ...)``: the model, from a file of that name."""

    def opened(document, name="a.nam", **how):
        return open_model(samples.save(tmp_path / name, document), **how)

    return opened


@pytest.fixture
def refused(opened):
    """``refused(document)``: the complaint about it."""

    def complaint(document):
        with pytest.raises(ModelFileError) as caught:
            opened(document)
        return str(caught.value)

    return complaint
