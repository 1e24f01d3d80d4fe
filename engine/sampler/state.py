"""What a dream is made of, as arrays that kernels walk: places of numbers and of words.

All arrays are called ``dream_...``, ``voc_...`` or ``watch_...``, so a plugin's state may hold
them beside its own.
"""

from __future__ import annotations

VECTOR, COLUMN, TRANSPOSE, SPECTRUM = range(4)
"""Approaches, in the order of model.APPROACHES."""

# fmt: off
(APPROACH, INPUTS, OUTPUTS, HOP, FIRST, LAST, SQUASH, LEARNS, LOG, KEPT, SLICED, BLOCK, PARTS,
 WIDE_ROWS, GROUPS, WIDTH, DIRECT_CODE, MULTIPLY_CODE) = range(18)
"""``dream_plan``, what a model is: its approach, numbers in and out, samples a step makes, places
of its input and of what its head made; 1 for tanh, for a head that learns its spread, for
logarithms; samples that any window reaches back; 1 where a step is spread over its hop; then of
window.py: samples of a block, partitions, rows, groups of rows, rows in a group, addresses."""

(AT, PLACE, DONE, PENDING, FRESH, REBUILD, TIME, POOLED, RESTARTS, WATCHING, STUCK, MODE,
 DROPPING, KICK_IN, LANDING, TUNED) = range(16)
"""``dream_words``, where it stands: the end of the line, the place in a hop or block, calls done,
whether a step is under way, whether a frame comes from the line, whether blocks must be worked out
anew, samples so far, samples in the pool so far, how often it was stuck, whether that is looked
for, whether it is now, what it does, whether dropout is on, steps until the next
kick, whether the next hop to sound is a leap from the last,
whether dreams come in the key of what is heard."""

(IN_MEAN, IN_SCALE, OUT_MEAN, OUT_SCALE, KEEP_IN, KEEP_OUT, TEMPERATURE, TAPS_BIAS, LAST_OUT, LEAP,
 CALM, KICKS, KEY) = range(13)
"""``dream_numbers``: of one sample; chances; temperature; what is added to a mix; the last sample,
the distance that is being faded after a restart, what is left of that a sample later; the steps
between two kicks, 0 for none; how much higher a dream is heard than it is dreamt."""
# fmt: on
PLAN_WORDS, WORDS, NUMBERS = 24, 16, 16

HEARING, LISTENING, MAKING = range(3)
"""What it does: sound goes into the line; steps are made, and sound goes in; steps make sound."""

PREDICTION_LIMIT = 100.0
"""In standard deviations; no prediction that is any good comes near it."""
SPREAD_LOGS = (-12.0, 4.0)
"""Between these a learnt logarithm of a deviation is believed."""
