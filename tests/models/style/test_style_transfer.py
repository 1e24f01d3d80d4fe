"""Transfers, long ones in windows, textures, folders; and bad input."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.style import transfer as transfers
from models.style.errors import StyleError
from models.style.folder import Folder
from models.style.material import Material
from models.style.settings import Knobs, Settings
from models.style.sound import (
    loudness,
    read,
    recording,
    semitones_between,
    stretch_between,
)
from models.style.texture import texture
from models.style.transfer import Transfer, transfer
from models.style.windows import Windows, windows_of

from .style_sounds import RATE, breathy, content, plucked, style

QUICK = Settings(iterations=8, device="cpu")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_a_transfer_gets_nearer_to_the_style_and_keeps_onsets_and_pitch():
    result = transfer(content(), [style()], Settings(iterations=30, device="cpu"))
    assert result.parts["harmony"] < 0.3 and result.parts["timbre"] < 0.2
    assert result.parts["pitch"] < 0.7 and result.parts["onsets"] < 0.2
    assert len(result.history) == 31 and result.loss == min(result.history)


def test_a_result_is_as_long_and_as_loud_as_the_content():
    given = content()
    result = transfer(given, [style(3.0)], QUICK)
    assert result.sound.samples.shape == given.samples.shape and result.sound.rate == RATE
    ratio = loudness(result.sound.samples, RATE) / loudness(given.samples, RATE)
    assert 0.5 < ratio < 2.0


def test_turning_the_content_down_changes_only_the_level():
    given = recording(0.1 * plucked(), RATE)
    soft = recording(0.01 * given.samples, RATE)
    loud, quiet = (transfer(each, [style()], QUICK) for each in (given, soft))
    found = np.corrcoef(quiet.sound.samples[0], loud.sound.samples[0])[0, 1]
    assert found > 0.9  # rounding differs, and eight iterations carry it on
    assert quiet.sound.samples.std() * 100 == pytest.approx(loud.sound.samples.std(), rel=0.05)


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_stereo_at_higher_rates_keeps_its_rate_and_its_image(rate):
    given = content(1.0, rate, 2)
    result = transfer(given, [style(1.0)], QUICK)
    assert result.sound.rate == rate and result.sound.samples.shape == given.samples.shape
    left, right = (np.sqrt(np.mean(each**2)) for each in result.sound.samples)
    assert 1.3 < left / right < 3.0  # 2 in the content


def test_several_styles_are_mixed_in_their_shares():
    low = recording(plucked(2.0, partials=8, seed=5), RATE)
    mostly = [transfer(content(), [style(), low], QUICK, shares).sound for shares in
              ([9.0, 1.0], [1.0, 9.0])]  # fmt: skip
    assert not np.allclose(mostly[0].samples, mostly[1].samples, atol=1e-3)


def test_a_transfer_that_is_stopped_gives_the_best_so_far():
    calls = []
    result = transfer(content(), [style()], QUICK, told=calls.append, stop=lambda: len(calls) > 2)
    assert result.ended == "stopped" and result.iterations == 3
    assert result.loss == min(result.history)


def test_ctrl_c_gives_the_best_so_far():
    def interrupt(progress: transfers.Progress) -> None:
        if progress.iteration == 4:
            raise KeyboardInterrupt

    result = transfer(content(), [style()], QUICK, told=interrupt)
    assert result.ended == "stopped" and result.iterations == 4


def test_progress_has_a_preview_and_its_parts():
    told = []
    transfer(content(), [style()], QUICK, told=told.append)
    assert [each.iteration for each in told] == list(range(1, 9))
    assert told[-1].done == 1.0 and set(told[-1].parts) == {"harmony", "timbre", "pitch", "onsets"}
    assert told[-1].preview().samples.shape == content().samples.shape


def test_a_transfer_goes_on_from_its_folder(tmp_path):
    folder = Folder(tmp_path / "run")
    asked = folder.begin(content(), [style()], QUICK)
    whole = Transfer(Material(content(), [style()], QUICK)).run(8)
    first = Transfer(Material(content(), [style()], QUICK))
    first.run(4)
    folder.save(first, asked)
    second = Transfer(Material(content(), [style()], QUICK))
    assert folder.resume(second, asked) and second.descent.iterations == 4
    assert second.run(8).loss == pytest.approx(whole.loss, rel=1e-4)
    path = folder.finish(second.result())
    assert read(path).samples.shape == content().samples.shape


def test_a_checkpoint_of_another_transfer_is_refused(tmp_path):
    folder = Folder(tmp_path)
    made = Transfer(Material(content(), [style()], QUICK))
    folder.save(made, folder.begin(content(), [style()], QUICK))
    other = Settings(knobs=Knobs(harmony=2.0), iterations=8, device="cpu")
    with pytest.raises(StyleError, match=r"harmony was 1\.0 and is 2\.0"):
        folder.resume(made, folder.begin(content(), [style()], other))
    (tmp_path / "checkpoint.pt").write_bytes(b"nothing")
    with pytest.raises(StyleError, match="is no checkpoint"):
        folder.resume(made, {})


def test_windows_cover_all_and_their_weights_add_up_to_one():
    windows = windows_of(100_003, 20_000, 2_000)
    total = np.zeros(100_003)
    for at, window in enumerate(windows):
        free = window.free()[0].numpy()
        part = slice(window.first, window.last)
        total[part] = total[part] * (1 - free) + free if at % 2 else np.maximum(total[part], 1.0)
        assert min(w for w in (window.before or 2_000, window.after or 2_000)) >= 2_000
    assert windows[0].first == 0 and windows[-1].last == 100_003
    np.testing.assert_allclose(total, 1.0, atol=1e-6)


def test_a_long_content_is_transferred_in_windows_without_seams():
    settings = Settings(iterations=10, window_s=2.0, overlap_s=0.4, device="cpu", workers=2)
    long = recording(breathy(6.5, seed=4), RATE)  # no onsets, so that a seam stands out
    told = []
    result = transfer(long, [content(3.0)], settings, told=told.append)
    assert result.sound.samples.shape == long.samples.shape and result.parts["harmony"] < 0.9
    steps = np.abs(np.diff(result.sound.samples[0]))
    joints = [round(at * RATE) for at in (1.5, 2.0, 3.0, 3.5, 4.5, 5.0)]
    near = max(steps[at - 200 : at + 200].max() for at in joints)
    assert near < 1.5 * np.percentile(steps, 99.9)
    assert result.ended == "done" and told and told[-1].done <= 1.0


def test_windows_that_are_stopped_leave_the_rest_as_it_began():
    settings = Settings(iterations=500, window_s=2.0, overlap_s=0.4, device="cpu")
    result = transfer(content(6.5), [style()], settings, stop=lambda: True)
    assert result.ended == "stopped" and np.isfinite(result.sound.samples).all()


def test_a_long_transfer_goes_on_with_the_windows_that_are_not_over(tmp_path):
    settings = Settings(iterations=4, window_s=2.0, overlap_s=0.4, device="cpu", workers=1)
    folder, given = Folder(tmp_path), content(6.5)
    asked = folder.begin(given, [style()], settings)
    first = Windows(Material(given, [style()], settings))
    assert first.run(stop=lambda: len(first.parts) >= 2).ended == "stopped"
    folder.save(first, asked)
    second = Windows(Material(given, [style()], settings))
    assert folder.resume(second, asked) and len(second.parts) == len(first.parts) >= 2
    result = second.run()
    assert result.ended == "done" and result.iterations == 4 * len(second.windows)
    assert transfers.transfer_of(second.material).windows == second.windows
    more = Settings(iterations=8, window_s=2.0, overlap_s=0.4, device="cpu", workers=2)
    third = Windows(Material(given, [style()], more))
    with pytest.raises(StyleError, match="iterations was 4 and is 8"):
        folder.begin(given, [style()], more, resumed=third)


def test_ctrl_c_ends_a_long_transfer_with_what_has_been_made():
    def interrupt(progress: transfers.Progress) -> None:
        raise KeyboardInterrupt

    settings = Settings(iterations=5000, window_s=2.0, overlap_s=0.4, device="cpu")
    result = transfer(content(6.5), [style()], settings, told=interrupt)
    assert result.ended == "stopped" and 0 < result.iterations < 5000


def test_a_silent_stretch_of_a_long_content_stays_silent():
    sound = plucked(6.5)
    sound[RATE : 4 * RATE] = 0.0
    settings = Settings(iterations=5, window_s=2.0, overlap_s=0.4, device="cpu")
    material = Material(recording(sound, RATE), [style()], settings)
    made = Windows(material).run().sound.samples[0]
    assert np.abs(made[round(2.2 * RATE) : round(3.0 * RATE)]).max() < 0.1 * np.abs(made).max()


def test_a_texture_is_like_its_style_and_repeats_no_noise():
    result = texture([style(2.0)], 2.0, Settings(knobs=Knobs(rhythm=0.0), iterations=25))
    assert result.sound.samples.shape == (1, 2 * RATE)
    assert result.parts["harmony"] < 0.5


def test_the_style_is_moved_into_the_contents_key():
    given = content(4.0)
    up = recording(plucked(4.0, semitones=3.0), RATE)
    assert semitones_between(given, up) == -3


def test_the_style_is_brought_to_the_contents_tempo_within_half_an_octave():
    slow, fast = (recording(plucked(8.0, gap_s=gap), RATE) for gap in (0.6, 0.5))
    ratio = stretch_between(slow, fast)
    assert ratio == pytest.approx(1.2, abs=0.1) or ratio == pytest.approx(0.8, abs=0.1)


@pytest.mark.parametrize(
    ("samples", "told"),
    [
        (np.zeros(RATE), r"bad\.wav: is silent \(0 everywhere\)"),
        (np.full(RATE, 0.5), r"bad\.wav: is silent"),
        (np.full(1000, 0.1), r"bad\.wav: 0\.05 s are too short"),
        (np.where(np.arange(RATE) == 9, np.nan, 0.1), r"bad\.wav: sample 9 .* not a finite"),
        (1e9 * np.sin(np.arange(RATE)), r"bad\.wav: its loudest sample is 1e\+09"),
        (np.zeros((RATE, 2)), r"are the axes exchanged"),
        (np.zeros(RATE, complex), r"samples \(channels, n\) are wanted"),
    ],
)
def test_sounds_that_cannot_be_used_are_told_in_one_line(samples, told):
    with pytest.raises(StyleError, match=told) as found:
        recording(samples, RATE, "bad.wav")
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"iterations": 0}, "iterations = 0 is outside"),
        ({"start": "loud"}, "start = loud is none of"),
        ({"window_s": 1.0}, "window_s = 1 is outside 2 to 60"),
        ({"most": 2}, "most = 2 is outside"),
    ],
)
def test_settings_that_make_no_sense_are_told(settings, told):
    with pytest.raises(StyleError, match=told):
        Settings(**settings)


def test_a_file_that_is_not_finite_or_not_there_is_told(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "broken.wav"
    broken = plucked(1.0)
    broken[100] = np.nan
    soundfile.write(path, broken, RATE, subtype="FLOAT")
    for wrong, told in ((path, "frame 100 .* finite"), (tmp_path / "no.wav", "no such file")):
        with pytest.raises(ValueError, match=told):
            read(wrong)


def test_a_style_that_is_too_short_for_the_rhythm_is_told():
    settings = Settings(knobs=Knobs(rhythm=1.0), iterations=2)
    with pytest.raises(StyleError, match="shorter than 50 frames"):
        transfer(content(), [style(0.6)], settings)


def test_shares_that_do_not_fit_are_told():
    with pytest.raises(StyleError, match="2 shares for 1 styles"):
        transfer(content(), [style()], QUICK, [1.0, 2.0])
    with pytest.raises(StyleError, match="no style is given"):
        transfer(content(), [], QUICK)


def test_a_device_that_is_not_there_is_told():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(StyleError, match="torch finds no GPU"):
        transfer(content(), [style()], Settings(device="cuda"))
