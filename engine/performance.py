"""A synthesised electric-guitar performance: eight bars to play, test and train with.

Six plucked strings after Karplus & Strong, Digital Synthesis of Plucked-String and Drum
Timbres, 1983, tuned and damped after Jaffe & Smith, Extensions of the Karplus-Strong
Plucked-String Algorithm, 1983. Everything ends where it began, so it may be looped.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Signal = NDArray[np.float64]

TEMPO_BPM = 100.0
BEATS_A_BAR = 4
PEAK = 0.5

OPEN_STRINGS = (40, 45, 50, 55, 59, 64)  # MIDI notes, low E first
RING_S = (7.0, 6.5, 6.0, 5.0, 4.5, 4.0)  # -60 dB time of each open string's fundamental
BRIGHT_HZ = 5000.0  # where the second decay time of a string is told
BRIGHT_RING_S = 0.55
RELEASE_S = 0.012  # a finger stops a string this fast; shorter clicks
PICK_POSITION = 0.13  # of the string's length, from the bridge
PICKUP_POSITION = 0.21
PICKUP_HZ, PICKUP_Q = 4200.0, 1.2  # coil and cable resonate here
STRUM_S = 0.011  # from one string to the next

SILENT = -1
CHORDS = {
    "Em": (0, 2, 2, 0, 0, 0),
    "C": (SILENT, 3, 2, 0, 1, 0),
    "G": (3, 2, 0, 0, 3, 3),
    "D": (SILENT, SILENT, 0, 2, 3, 2),
}

# One letter an eighth: D d = down strokes, loud and soft; u = up; b = bass note;
# m M = palm-muted power chord, soft and loud; x = dead strings; . = let it ring.
RHYTHM = (
    ("Em", "M.mmMmmm"),
    ("C", "M.mmMmMm"),
    ("G", "D.dudxdu"),
    ("D", "D.du...."),
    ("Em", "D.duxudu"),
    ("C", "D.duDudu"),
    ("G", "b......."),
    ("D", "D......."),
)

# (bar, beat, beats, string, fret, velocity, slide in semitones, vibrato in cents)
MELODY = (
    (3, 2.0, 0.5, 3, 7, 1.12, -2.0, 0.0),
    (3, 2.5, 0.5, 4, 8, 0.98, 0.0, 0.0),
    (3, 3.0, 1.0, 4, 7, 1.26, 0.0, 18.0),
    (6, 0.5, 3.5, 2, 0, 0.77, 0.0, 0.0),
    (6, 1.0, 3.0, 3, 0, 0.7, 0.0, 0.0),
    (6, 1.5, 2.5, 4, 3, 0.84, 0.0, 0.0),
    (6, 2.0, 2.0, 5, 3, 0.91, 0.0, 0.0),
    (6, 2.5, 0.5, 4, 0, 0.7, 0.0, 0.0),
    (6, 3.0, 0.5, 4, 1, 0.77, 0.0, 0.0),
    (6, 3.5, 0.5, 4, 3, 0.84, 0.0, 0.0),
    (7, 1.0, 0.5, 5, 5, 1.05, 0.0, 0.0),
    (7, 1.5, 1.0, 5, 7, 1.26, -2.0, 22.0),
    (7, 2.5, 0.25, 5, 5, 0.98, 0.0, 0.0),
    (7, 2.75, 0.25, 4, 8, 0.91, 0.0, 0.0),
    (7, 3.0, 0.5, 4, 7, 0.98, 0.0, 0.0),
    (7, 3.5, 0.5, 4, 4, 0.84, 1.0, 0.0),
)


@dataclass(frozen=True)
class Note:
    """One stroke on one string; ``mute`` is 0 for ringing, 1 for a palm on the bridge."""

    start_s: float
    length_s: float
    string: int
    fret: int
    velocity: float
    mute: float = 0.0
    slide_semitones: float = 0.0
    vibrato_cents: float = 0.0

    @property
    def frequency_hz(self) -> float:
        """Equal temperament, A4 at 440 Hz."""
        return float(440.0 * 2.0 ** ((OPEN_STRINGS[self.string] + self.fret - 69) / 12.0))


def guitar(sample_rate: int) -> NDArray[np.float32]:
    """Play the eight bars: mono, (frames,), peak 0.5, seamless from the end to the start."""
    rng = np.random.default_rng(1983)
    frames = round(length_s() * sample_rate)
    take = np.zeros(frames)
    for note in score(rng):
        lay(take, play(note, sample_rate, rng), round(note.start_s * sample_rate))
    take = pickup(take, sample_rate)
    level = PEAK / float(np.abs(take).max())
    return np.asarray(take * level, np.float32)


def length_s() -> float:
    """Return how long the performance is before it starts again."""
    return len(RHYTHM) * BEATS_A_BAR * 60.0 / TEMPO_BPM


def lay(take: Signal, sound: Signal, start: int) -> None:
    """Mix ``sound`` into ``take``; what hangs over the end rings on at the beginning."""
    at = start % len(take)
    head = min(len(sound), len(take) - at)
    take[at : at + head] += sound[:head]
    take[: len(sound) - head] += sound[head:]


# -- the score ---------------------------------------------------------------------------


def score(rng: np.random.Generator) -> list[Note]:
    """Return every note, each stopped by the next one on its string."""
    beat_s = 60.0 / TEMPO_BPM
    notes = [note for bar, row in enumerate(RHYTHM) for note in strokes(bar, *row, rng)]
    for bar, beat, beats, string, fret, velocity, slide, vibrato in MELODY:
        start_s = (bar * BEATS_A_BAR + beat) * beat_s + rng.normal(0.0, 0.002)
        line = Note(start_s, beats * beat_s, string, fret, velocity, 0.0, slide, vibrato)
        notes.append(line)
    return [note for string in range(6) for note in stopped(notes, string)]


def stopped(notes: list[Note], string: int) -> Iterator[Note]:
    """Yield the notes of one string in order, none longer than until the next."""
    line = sorted((note for note in notes if note.string == string), key=lambda n: n.start_s)
    for note, after in zip(line, [*line[1:], line[0]], strict=True):
        gap_s = (after.start_s - note.start_s) % length_s() or length_s()
        yield replace(note, length_s=min(note.length_s, gap_s))


def strokes(bar: int, chord: str, rhythm: str, rng: np.random.Generator) -> Iterator[Note]:
    """Yield the notes of one bar of strumming; ``rhythm`` has a letter for each eighth."""
    eighth_s = 30.0 / TEMPO_BPM
    for eighth, letter in enumerate(rhythm):
        if letter == ".":
            continue
        start_s = (bar * 2 * BEATS_A_BAR + eighth) * eighth_s + rng.normal(0.0, 0.002)
        held = len(rhythm[eighth + 1 :]) - len(rhythm[eighth + 1 :].lstrip("."))
        yield from stroke(letter, CHORDS[chord], start_s, (held + 1) * eighth_s, rng)


def stroke(
    letter: str, frets: tuple[int, ...], start_s: float, length_s: float, rng: np.random.Generator
) -> Iterator[Note]:
    """Yield the notes of one stroke across the strings that ``letter`` touches."""
    strings = [string for string, fret in enumerate(frets) if fret != SILENT]
    velocity, mute = {
        "D": (0.78, 0.0),
        "d": (0.66, 0.0),
        "u": (0.6, 0.0),
        "b": (0.9, 0.0),
        "M": (1.25, 0.55),
        "m": (1.0, 0.9),
        "x": (0.75, 1.6),
    }[letter]
    if letter in "mM":
        strings = strings[:3]
    elif letter == "b":
        strings = strings[:1]
    elif letter == "u":
        strings = strings[:-5:-1]
    for place, string in enumerate(strings):
        late_s = place * STRUM_S * (1.3 - 0.5 * velocity) * rng.uniform(0.8, 1.2)
        loud = velocity * rng.uniform(0.85, 1.0)
        yield Note(start_s + late_s, length_s, string, frets[string], loud, mute)


# -- one string ---------------------------------------------------------------------------


def play(note: Note, sample_rate: int, rng: np.random.Generator) -> Signal:
    """Return the sound of one note at the pickup, (frames,), released at its end."""
    frames = round((note.length_s + RELEASE_S) * sample_rate)
    sound = pluck(note, frames + frames // 4, sample_rate, rng)
    if note.slide_semitones or note.vibrato_cents:
        sound = bend(sound, note, sample_rate)
    sound = sound[:frames]
    fade = round(RELEASE_S * sample_rate)
    sound[-fade:] *= 0.5 + 0.5 * np.cos(np.pi * (np.arange(fade) + 1.0) / fade)
    return sound


def pluck(note: Note, frames: int, sample_rate: int, rng: np.random.Generator) -> Signal:
    """Return a string's velocity at the pickup, from the loop a period at a time.

    The loop's taps are a delay with a fraction and a damping filter in one, all at least
    ``delay`` old, so that many samples can be computed at once.
    """
    period = sample_rate / note.frequency_hz
    delay, taps = loop(note, sample_rate)
    oldest = delay + len(taps) - 1
    first = excitation(note, period, sample_rate, rng)
    line = np.zeros(oldest + max(frames, len(first)))
    line[oldest : oldest + len(first)] = first
    for start in range(oldest, len(line), delay):
        count = min(delay, len(line) - start)
        past = line[start - oldest : start - delay + count]
        line[start : start + count] += np.convolve(past, taps, "valid")
    return comb(line[oldest : oldest + frames], PICKUP_POSITION * period)


def loop(note: Note, sample_rate: int) -> tuple[int, Signal]:
    """Return the string loop: a whole delay and the taps that follow it.

    The taps are a third-order Lagrange interpolator between its middle points, where its
    delay is truest, and [b, 1 - 2b, b] as often as the damping asks; that filter delays by
    exactly one, so the string is in tune whatever its damping.
    """
    frequency_hz = note.frequency_hz
    ring_s, bright_ring_s = decay_s(note)
    omega = 2.0 * math.pi * min(BRIGHT_HZ, 0.4 * sample_rate) / sample_rate
    keep_bright = 10.0 ** (-3.0 / (frequency_hz * bright_ring_s))
    passes, b = 0, 1.0
    while b > 0.25:  # beyond a quarter the filter would turn over below Nyquist
        passes += 1
        b = (1.0 - keep_bright ** (1.0 / passes)) / (2.0 - 2.0 * math.cos(omega))
    whole = sample_rate / frequency_hz - passes
    delay = math.floor(whole) - 1
    taps = lagrange(whole - delay)
    for _ in range(passes):
        taps = np.convolve(taps, (b, 1.0 - 2.0 * b, b))
    turn = np.exp(-2j * math.pi * frequency_hz / sample_rate * np.arange(len(taps)))
    keep = 10.0 ** (-3.0 / (frequency_hz * ring_s)) / abs(np.dot(taps, turn))
    return delay, taps * min(keep, 0.9999)


def decay_s(note: Note) -> tuple[float, float]:
    """Return the -60 dB times of the fundamental and at 5 kHz; fretting shortens a little."""
    if note.mute:
        return 0.34 / note.mute**1.6, 0.16 / note.mute**1.6
    shorter: float = 2.0 ** (-note.fret / 18.0)
    return RING_S[note.string] * shorter, BRIGHT_RING_S * shorter


def lagrange(delay: float) -> Signal:
    """Return the four taps that delay by ``delay``, best between 1 and 2 samples."""
    points = range(4)
    return np.array([math.prod((delay - j) / (i - j) for j in points if j != i) for i in points])


def excitation(note: Note, period: float, sample_rate: int, rng: np.random.Generator) -> Signal:
    """Return what the pick puts into the string: about one period, without a mean.

    A string let go at a point moves as a pulse of that point's share of the period, which
    is the pick's comb and the 1/n of a pluck in one. Its edges are as round as the pick is
    soft, and some scrape comes first.
    """
    hardness = min(note.velocity, 1.0) / (1.0 + 1.2 * note.mute)
    edge_s = 0.00003 + 0.00018 * (1.0 - hardness)
    edge = max(2, round(edge_s * sample_rate))
    time = np.arange(round(period), dtype=np.float64)
    width = PICK_POSITION * period
    pulse = np.where(time < width, 1.0, 0.0)
    scrape = rng.standard_normal(len(pulse)) * np.exp(-time / (0.0012 * sample_rate))
    window = np.hanning(edge + 2)[1:-1]
    moved = np.convolve(pulse + 0.12 * scrape, window / window.sum())
    plucked: Signal = note.velocity * (moved - moved.mean())
    return plucked


def comb(sound: Signal, delay: float) -> Signal:
    """Subtract ``sound`` from itself ``delay`` samples later, as a pickup's place does."""
    whole = math.floor(delay)
    padded = np.concatenate((np.zeros(whole + 3), sound))
    return sound - np.convolve(padded, lagrange(delay - whole + 1.0), "valid")[2 : len(sound) + 2]


def bend(sound: Signal, note: Note, sample_rate: int) -> Signal:
    """Slide into the note over 90 ms, then let vibrato grow at 5.5 Hz; cubic reading."""
    time_s = np.arange(len(sound)) / sample_rate
    slide = note.slide_semitones * (0.5 + 0.5 * np.cos(np.pi * np.clip(time_s / 0.09, 0.0, 1.0)))
    grown = np.clip((time_s - 0.15) / 0.25, 0.0, 1.0)
    wave = np.sin(2.0 * np.pi * 5.5 * np.maximum(time_s - 0.15, 0.0))
    semitones = slide + note.vibrato_cents / 100.0 * grown * wave
    place = np.cumsum(2.0 ** (semitones / 12.0)) + 1.0
    whole = np.minimum(place.astype(np.int64), len(sound) - 3)
    t = np.minimum(place - whole, 1.0)
    a, b, c, d = (sound[whole + k] for k in (-1, 0, 1, 2))
    curve = c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a))
    return np.asarray(b + 0.5 * t * curve)


def pickup(take: Signal, sample_rate: int) -> Signal:
    """Filter as a coil and cable do, around the loop: resonance, no mean, nothing sub-bass."""
    hz = np.fft.rfftfreq(len(take), 1.0 / sample_rate)
    coil = 1.0 / (1.0 - (hz / PICKUP_HZ) ** 2 + 1j * hz / (PICKUP_HZ * PICKUP_Q))
    block = 1j * hz / (40.0 + 1j * hz)
    return np.fft.irfft(np.fft.rfft(take) * coil * block, len(take))
