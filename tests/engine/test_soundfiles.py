"""Sound files: what is written reads back, what is unfit is named, nothing is half-written."""

import os
import struct
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.soundfiles import FORMATS, PIECE, SoundError, SoundReader, SoundWriter, read

RATE = 48_000
SEVERAL = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def noise(frames=RATE, channels=2, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.standard_normal((frames, channels))).astype(np.float32)


def write(path, sound, rate=RATE):
    with SoundWriter(path, rate, sound.shape[1]) as writer:
        writer.write(sound)
    return path


def wav(data=bytes(4000), rate=RATE, channels=1, promised=None):
    """The bytes of a 16 bit wav whose header says what it is told."""
    length = len(data) if promised is None else promised
    kind = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 % (1 << 32), 2 * channels, 16)
    riff = struct.pack("<I", (36 + length) % (1 << 32))
    return (
        b"RIFF" + riff + b"WAVEfmt \x10\0\0\0" + kind + b"data" + struct.pack("<I", length) + data
    )


def refused(path, **keywords):
    with pytest.raises(SoundError) as caught:
        read(path, **keywords)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_a_wav_reads_back_to_the_bit_even_above_full_scale(tmp_path):
    sound = 30.0 * noise()
    np.testing.assert_array_equal(read(write(tmp_path / "a.wav", sound)), sound)


def test_a_flac_reads_back_to_24_bits(tmp_path):
    sound = noise()
    found = read(write(tmp_path / "a.flac", sound))
    np.testing.assert_allclose(found, sound, atol=2.0**-23)
    assert soundfile.info(str(tmp_path / "a.flac")).subtype == "PCM_24"


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
def test_a_lossy_file_keeps_its_length_and_its_tone(tmp_path, suffix):
    tone = 0.5 * np.sin(2 * np.pi * 440 / RATE * np.arange(3 * PIECE))[:, None]
    path = write(tmp_path / f"a.{suffix}", tone.astype(np.float32))
    found = read(path)
    assert len(found) == len(tone)
    middle = slice(PIECE, 2 * PIECE)
    error = np.sqrt(np.mean((found[middle] - tone[middle]) ** 2) / np.mean(tone[middle] ** 2))
    assert error < 0.02


def test_a_suffix_may_be_in_capitals(tmp_path):
    sound = noise(100)
    np.testing.assert_array_equal(read(write(tmp_path / "A.WAV", sound)), sound)


def test_the_same_sound_is_written_as_the_same_bytes(tmp_path):
    one, two = (write(tmp_path / f"{name}.wav", noise(100)).read_bytes() for name in "ab")
    assert one == two


@pytest.mark.parametrize("suffix", list(FORMATS))
def test_a_file_read_in_pieces_is_the_same_as_read_whole(tmp_path, suffix):
    path = write(tmp_path / f"a.{suffix}", noise())
    whole, _ = soundfile.read(path, dtype="float32")
    with SoundReader(path) as reader:
        np.testing.assert_array_equal(np.concatenate(list(reader.pieces(1000))), whole)


@given(lengths=st.lists(st.integers(0, 3000), max_size=6), piece=st.integers(1, 4000))
@SEVERAL
def test_pieces_are_the_whole_however_it_was_cut(tmp_path, lengths, piece):
    sound = noise(sum(lengths) + 1, 1, seed=len(lengths))
    path = tmp_path / "a.wav"
    with SoundWriter(path, RATE, 1) as writer:
        for part in np.split(sound, np.cumsum(lengths)):
            writer.write(part)
    with SoundReader(path) as reader:
        pieces = list(reader.pieces(piece))
    assert max(map(len, pieces)) <= piece
    np.testing.assert_array_equal(np.concatenate(pieces), sound)


def test_a_reader_knows_rate_channels_and_length_before_it_reads(tmp_path):
    with SoundReader(write(tmp_path / "a.wav", noise(4410, 2), 44_100)) as reader:
        assert (reader.rate, reader.channels, reader.frames) == (44_100, 2, 4410)
        assert reader.seconds == pytest.approx(0.1)


def test_a_rate_that_is_forced_resamples(tmp_path):
    pytest.importorskip("engine.dsp.resample")
    tone = 0.5 * np.sin(2 * np.pi * 440 / RATE * np.arange(RATE))[:, None].astype(np.float32)
    found = read(write(tmp_path / "a.wav", tone), 44_100)
    assert found.dtype == np.float32
    assert len(found) == pytest.approx(44_100, abs=2)
    middle = np.arange(10_000, 30_000)
    wanted = 0.5 * np.sin(2 * np.pi * 440 / 44_100 * middle)
    np.testing.assert_allclose(found[middle, 0], wanted, atol=1e-3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_sample_that_is_not_finite_is_named_by_its_place(tmp_path, value):
    sound = noise(2 * PIECE)
    sound[PIECE + 123, 1] = value
    soundfile.write(tmp_path / "a.wav", sound, RATE, subtype="FLOAT")
    message = refused(tmp_path / "a.wav")
    assert f"frame {PIECE + 123} " in message
    assert "channel 2" in message


def test_a_file_that_is_missing_is_named(tmp_path):
    assert "there is no such file" in refused(tmp_path / "a.wav")


def test_a_folder_is_not_a_sound(tmp_path):
    assert "is a folder" in refused(tmp_path)


def test_an_empty_file_is_not_a_sound(tmp_path):
    (tmp_path / "a.wav").touch()
    assert "is empty" in refused(tmp_path / "a.wav")


@pytest.mark.skipif(sys.platform == "win32", reason="has no pipes in folders")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.wav")
    assert "not a regular file" in refused(tmp_path / "a.wav")


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="this user may read everything"
)
def test_a_file_that_may_not_be_read_is_named(tmp_path):
    path = write(tmp_path / "a.wav", noise(10))
    path.chmod(0)
    assert "Permission denied" in refused(path)


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.flac", "a.raw", "a"])
def test_text_is_not_a_sound_whatever_it_is_called(tmp_path, name):
    (tmp_path / name).write_text("It was a dark and stormy night. " * 50)
    assert "is not audio" in refused(tmp_path / name) or name == "a.mp3"


@given(data=st.binary(min_size=1, max_size=3000), head=st.sampled_from([b"", b"RIFF", b"\xff\xfb"]))
@SEVERAL
def test_random_bytes_are_refused_in_one_line(tmp_path, data, head):
    (tmp_path / "a.wav").write_bytes(head + data)
    refused(tmp_path / "a.wav")


def test_a_wav_that_breaks_off_before_what_it_promises_is_refused(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(promised=8000))
    message = refused(tmp_path / "a.wav")
    assert "breaks off: its header promises 8000 bytes of sound, there are 4000" in message


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_wav_from_a_pipe_promises_nothing_and_is_read(tmp_path, length):
    (tmp_path / "a.wav").write_bytes(wav(promised=length))
    assert read(tmp_path / "a.wav").shape == (2000, 1)


@given(share=st.floats(0.001, 0.999))
@SEVERAL
def test_a_flac_that_breaks_off_is_refused(tmp_path, share):
    whole = tmp_path / "whole.flac"
    if not whole.exists():
        write(whole, noise(RATE))
    data = whole.read_bytes()
    (tmp_path / "a.flac").write_bytes(data[: int(share * len(data))])
    refused(tmp_path / "a.flac")


def test_an_mp3_that_breaks_off_is_read_with_a_warning_and_no_noise(tmp_path, capfd):
    data = write(tmp_path / "whole.mp3", noise(RATE)).read_bytes()
    path = tmp_path / "a.mp3"
    path.write_bytes(data[: len(data) // 2])
    capfd.readouterr()
    with SoundReader(path) as reader:
        frames = sum(map(len, reader.pieces()))
    assert 0 < frames < RATE
    assert reader.warnings == [f"{path}: breaks off after frame {frames} of {RATE}"]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (wav(rate=0), ""),
        (wav(rate=768_001), "768001 Hz is outside 1 to 768000 Hz"),
        (wav(channels=0), ""),
        (wav(channels=65, data=bytes(1300)), "65 channels, not 1 to 64"),
        (wav(data=b""), "holds no sound"),
        (wav()[:30], ""),
    ],
)
def test_an_absurd_header_is_refused(tmp_path, data, complaint):
    (tmp_path / "a.wav").write_bytes(data)
    assert complaint in refused(tmp_path / "a.wav")


def test_what_is_too_long_to_hold_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.soundfiles.reader.MAX_SAMPLES", 1000)
    assert "allowed are 500 frames" in refused(write(tmp_path / "a.wav", noise(501)))


@pytest.mark.parametrize(
    ("name", "rate", "complaint"),
    [
        ("a.txt", RATE, "allowed are .wav, .flac, .ogg, .mp3"),
        ("a", RATE, "no suffix cannot be written"),
        ("a.mp3", 96_000, "cannot hold 96000 Hz; allowed are 8000"),
        ("a.ogg", 384_000, "cannot hold 384000 Hz; allowed are 1000 to 200000"),
        ("a.flac", 700_000, "cannot hold 700000 Hz"),
        ("nowhere/a.wav", RATE, "there is no folder"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, name, rate, complaint):
    with pytest.raises(SoundError, match=complaint):
        SoundWriter(tmp_path / name, rate)
    assert not list(tmp_path.iterdir())


def test_a_folder_is_not_written_over(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(SoundError, match="is a folder"):
        SoundWriter(tmp_path / "a.wav", RATE)


@pytest.mark.skipif(sys.platform == "win32", reason="devices are not files there")
def test_a_device_is_not_replaced_by_a_file(tmp_path):
    (tmp_path / "a.wav").symlink_to(os.devnull)
    with pytest.raises(SoundError, match="is not a regular file"):
        SoundWriter(tmp_path / "a.wav", RATE)
    assert not os.path.isfile(os.devnull)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_stays_and_what_it_names_is_written(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "a.wav").symlink_to(tmp_path / "there" / "b.wav")
    write(tmp_path / "a.wav", noise(100))
    assert (tmp_path / "a.wav").is_symlink()
    assert len(read(tmp_path / "there" / "b.wav")) == 100


def fail_late(writer, error):
    writer.write(noise(PIECE))
    raise error


@pytest.mark.parametrize("suffix", list(FORMATS))
@pytest.mark.parametrize("error", [KeyboardInterrupt, SoundError])
def test_an_interruption_leaves_the_old_file_and_nothing_else(tmp_path, suffix, error):
    path = write(tmp_path / f"a.{suffix}", noise(100))
    before = path.read_bytes()
    with pytest.raises(error), SoundWriter(path, RATE) as writer:
        fail_late(writer, error)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_has_its_name_only_when_it_is_complete(tmp_path):
    path = tmp_path / "a.wav"
    with SoundWriter(path, RATE) as writer:
        writer.write(noise(100))
        assert not path.exists()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_a_file_that_may_not_grow_is_an_error_and_leaves_nothing(tmp_path, suffix):
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        with pytest.raises(SoundError, match="cannot be written: File too large"):
            write(tmp_path / f"a.{suffix}", noise(2 * RATE))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no disk that is always full")
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_full_disk_is_called_so_and_nothing_is_left(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr("secrets.token_hex", lambda count: "x")
    (tmp_path / f".a.{suffix}.x.part").symlink_to("/dev/full")
    with pytest.raises(SoundError, match="cannot be written: the disk is full"):
        write(tmp_path / f"a.{suffix}", noise(2 * RATE))
    assert not list(tmp_path.iterdir())


def test_a_wav_that_will_pass_4_gib_gets_a_header_that_can_say_so(tmp_path):
    path = tmp_path / "a.wav"
    with SoundWriter(path, RATE, 2, frames=1 << 30) as writer:
        writer.write(noise(100))
    assert path.read_bytes()[:4] == b"RF64"
    np.testing.assert_array_equal(read(path), noise(100))


def test_a_wav_that_passes_4_gib_unannounced_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("engine.soundfiles.writer._MAX_WAV_BYTES", 1000)
    with pytest.raises(SoundError, match="at most 4 GiB"):
        write(tmp_path / "a.wav", noise(1000))
    assert not list(tmp_path.iterdir())
