"""What the audio thread's memory looks like; Python and compiled code read the same words.

Addresses are int64. Everything is written by exactly one side, named in the comments: "audio"
is the audio thread, "control" the Python that owns it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CELL = 64  # frames between two looks at a knob, and the longest chunk a kernel sees
HOST_KNOBS = 3  # bypass, wet, level_db: before a plugin's own
WIDTH = 2  # channels of every bus
HISTOGRAM = 4096  # durations of blocks, in 1/2048 of the deadline
EVENTS = 4096
READOUTS = 8
NODES = 128
TAPS = 4
LEAVING = 4  # racks that may ring out at once
NOTES = 256  # MIDI messages that wait for one plugin, or that one has made
MADE = 1024  # MIDI messages of all plugins that are kept for the front process
LEAD = 17  # numbers of a lead record
INPUT_NONE, INPUT_LEFT, INPUT_RIGHT, INPUT_MONO, INPUT_STEREO = range(5)
CLEAN, SOUNDING, DIRTY, CLEANING = range(4)  # who may touch a table's memory: see TABLE.owner
CUT, RETREAT = 1, 2  # how a rack leaves: its lanes are cut, or its fade-in runs backwards
SWITCH, BEAT, PANIC, BYPASS = -1, -2, -3, -4  # events that are for no node, by their `node`
# Of a beat, by its `table`: whether somebody has told it; whether a player has said which beat is a
# bar's first; and so many times as a bar has beats, 0 if nobody knows.
BEAT_TOLD, BEAT_SAID, BEAT_BAR = 1, 2, 4
NOTE = -1  # an event for a node that is no knob, by its `knob`

# A lead record. By the kernel: whether it leads, its tempo, the beat at a frame of its own time,
# beats a bar, how sure it is, onsets so far, the strength of the last.
LEADS, LEAD_TEMPO, LEAD_BEAT, LEAD_FRAME, LEAD_BAR, LEAD_SURE, LEAD_ONSETS, LEAD_STRENGTH = range(8)
# By audio: how often it was told a tempo from outside, that tempo, its beat at a frame of the
# node's own time; the node's time at this part. In the copy that the front process reads frames
# are the stream's, and the last number is the table's id.
TOLD, TOLD_TEMPO, TOLD_BEAT, TOLD_FRAME, LEAD_NOW, LEAD_TABLE = range(8, 14)
# By the kernel: whether a player has said which beat is the first of a bar. By audio, where one
# goes on for another: the same of who led before, and how many beats its bars had; 0 for a tap.
LEAD_SAID, TOLD_BAR = 14, 15
# By the kernel: its tempo without what strokes that are early or late make of it, or 0.
LEAD_EVEN = 16

KNOB = np.dtype(
    [
        ("value", "f8"),  # at the end of the current cell
        ("target", "f8"),
        ("pending", "f8"),  # becomes the target at node time `due`
        ("due", "i8"),
        ("left", "i8"),  # cells until the target is reached
        ("cells", "i8"),  # cells a jump takes
        ("start", "f4"),
        ("step", "f4"),
    ],
    align=True,
)

NODE = np.dtype(
    [
        ("process", "i8"),
        ("state", "i8"),
        ("knobs", "i8"),
        ("n_knobs", "i8"),
        ("channels", "i8"),
        ("starts", "i8"),  # frames of latency before this node: its time zero
        ("latency", "i8"),
        ("moving", "i8"),  # a knob of the plugin ramps or waits
        ("mixing", "i8"),  # one of the host's does
        ("line", "i8"),  # the dry signal, `latency` frames late
        ("line_at", "i8"),
        ("image", "i8"),  # the state as it was at reset
        ("state_bytes", "i8"),
        ("heal", "i8"),  # bytes still to restore after a fault
        ("mutes", "i8"),
        ("notes", "i8"),  # a queue of MIDI messages: rows of time and bytes; or 0
        ("noted", "i8"),  # its words: written, read, the node's time at this part, lost
        ("lead", "i8"),  # its lead record; or 0
        ("made", "i8"),  # a queue of MIDI messages that it makes, as `notes`; or 0
        ("made_count", "i8"),  # its words: written, read, the node's time at this part
        ("dry", "f4"),
        ("dry_step", "f4"),
        ("gain", "f4"),
        ("gain_step", "f4"),
    ],
    align=True,
)

LANE = np.dtype(
    [
        ("first", "i8"),
        ("count", "i8"),
        ("source", "i8"),
        ("wait", "i8"),  # frames to wait for the slowest lane
        ("line", "i8"),
        ("line_at", "i8"),
        ("cut", "i8"),  # the node before which it is cut when the rack is left
        ("after", "i8"),  # frames of latency from there to the output
    ],
    align=True,
)

TABLE = np.dtype(
    [
        ("owner", "i8"),  # CLEAN, SOUNDING (audio's), DIRTY (to be reset), CLEANING (control's)
        ("id", "i8"),  # what events call it
        ("position", "i8"),  # audio; frames since this rack began, on the cell grid
        ("heard", "i8"),  # audio; frames into its fade-in, below 0 while it listens unheard
        ("leaving", "i8"),  # audio; CUT, RETREAT or 0; CUT while it sounds: it is had back
        ("leave", "i8"),  # audio; frames into that cut, counted at the output
        ("after", "i8"),  # the largest of its lanes'
        ("quiet", "i8"),  # audio; frames since it was last heard, when left
        ("patience", "i8"),  # frames of quiet after which it has rung out
        ("ringing", "i8"),  # audio; frames since its lanes were cut
        ("ending", "i8"),  # audio; frames into its end, 0 if it may ring
        ("nodes", "i8"),
        ("n_nodes", "i8"),
        ("lanes", "i8"),
        ("n_lanes", "i8"),
        ("leaders", "i8"),  # how many of its nodes lead the beat
        ("makers", "i8"),  # how many make notes
        ("master_first", "i8"),
        ("width", "i8"),
        ("latency", "i8"),
        ("work", "f4", (4, WIDTH * CELL)),  # lane, bus, dry, part
    ],
    align=True,
)

EVENT = np.dtype(
    [
        ("table", "i8"),
        ("node", "i8"),
        ("knob", "i8"),
        ("due", "i8"),  # the frame of the stream from which on it counts; -1 is now
        ("value", "f8"),
        ("beat", "f8"),
    ],
    align=True,
)

RING = np.dtype(
    [
        ("written", "i8"),  # frames, by the producer
        ("dropped", "i8"),  # frames, by the producer
        ("owner", "i8"),  # of a tap's: the id of the table that writes it, 0 before the first
        ("held", "i8"),  # of a tap's: the chunk that was put into it last, and whether it counts
        ("pad0", "i8", (4,)),
        ("read", "i8"),  # frames, by the consumer
        ("armed", "i8"),  # by the consumer
        ("pad1", "i8", (6,)),
        ("capacity", "i8"),  # frames, a power of two
        ("channels", "i8"),
        ("data", "i8"),  # bytes from this header to the samples
        ("pad2", "i8", (5,)),
    ],
    align=True,
)

CONTROL = np.dtype(
    [
        # by control
        ("next", "i8"),  # address of the table to run
        ("next_after", "i8"),  # once so many events have been acted on
        ("rate", "i8"),
        ("inputs", "i8"),
        ("outputs", "i8"),
        ("fade_frames", "i8"),
        ("ring_frames", "i8"),  # a rack that was left rings no longer than this
        ("offline", "i8"),
        ("stop", "i8"),
        ("event_written", "i8"),
        # by audio
        ("event_read", "i8"),
        ("taken", "i8"),  # the last of `next` that was gone over to
        ("table", "i8"),
        ("sounding", "i8"),  # its id
        ("leaving", "i8", (LEAVING,)),  # tables that fade or ring out, or 0
        ("switches", "i8"),
        ("bypass", "i8"),  # 1 while the sound passes by
        ("bypass_at", "i8"),  # frames into that
        ("hush", "i8"),  # frames into a panic, or 0
        ("hold", "i8"),  # frames for which its silence must last yet
        ("beat_frame", "i8"),  # the frame at which `beat` counts from
        # tempo, the beat there, beats a frame, frames since then, beats a bar
        ("beat", "f8", (5,)),
        ("led", "i8"),  # the table whose plugin leads the beat now; -id: it was interrupted; or 0
        ("lead_count", "i8"),  # lead records published
        ("lead", "f8", (2, LEAD)),  # the last one at `lead_count` modulo 2; frames are the stream's
        ("made_count", "i8"),  # messages made by plugins, ever
        ("made", "i8", (MADE, 3)),  # frame of the stream, message, table
        ("made_anew", "i8"),  # `made_count` when a maker last forgot what it had begun
        ("frames", "i8"),
        ("blocks", "i8"),  # the heartbeat
        ("late", "i8"),
        ("slowest_ns", "i8"),
        ("busy_ns", "i8"),
        ("first_ns", "i8"),
        ("last_ns", "i8"),
        ("last_frame", "i8"),  # the first of the block that began then
        ("xruns", "i8"),
        ("mutes", "i8"),
        ("healing", "i8"),  # bytes that may yet be restored in this chunk
        ("input_faults", "i8"),
        ("misses", "i8"),
        ("stale_events", "i8"),
        ("lost_blocks", "i8"),  # by the virtual device
        ("clock", "i8", (4,)),
        ("meter_decay", "f4"),  # by control
        ("meters", "f4", (2 * WIDTH,)),  # input left, right, output left, right
        ("input", "f4", (WIDTH * CELL,)),
        ("output", "f4", (WIDTH * CELL,)),
        ("histogram", "i8", (HISTOGRAM,)),
        ("events", EVENT, (EVENTS,)),
        ("readouts", "f8", (NODES, READOUTS)),
    ],
    align=True,
)

VIRTUAL = np.dtype(
    [
        ("callback", "i8"),
        ("control", "i8"),
        ("block", "i8"),
        ("source", "i8"),  # interleaved float32, `inputs` channels
        ("source_frames", "i8"),
        ("source_at", "i8"),
        ("loop", "i8"),
        ("sink", "i8"),  # interleaved float32, `outputs` channels, or 0
        ("frames", "i8"),  # to run, or -1
        ("realtime", "i8"),
        ("ring", "i8"),  # a ring header: never outrun its reader; or 0
        ("input", "i8"),  # one block
        ("output", "i8"),
        ("due", "i8"),  # blocks the clock has asked for
    ],
    align=True,
)


def offset(kind: np.dtype[Any], field: str) -> int:
    """Bytes from the start of a record to one of its fields."""
    assert kind.fields is not None
    return int(kind.fields[field][1])
