"""Where the counters of a pitch shifter are kept: indices into ``counts`` and ``levels``."""

HEARD = 0  # samples the stretcher has been given
START = 1  # the first sample of the chunk in work
UNIT = 2  # its next unit of work
WRITTEN = 3  # samples of the stretched sound that are final
LAST_SHIFT = 4  # by how much the chunk before moved it on; 0 before the first
SHIFT = 5  # and by how much this one does
RESET = 6  # 1 where this chunk keeps its phases
AMNESTY = 7  # chunks in which no onset may be
SILENT = 8  # silent chunks so far
RISING = 9  # chunks in which the high frequencies have been rising
HISTORY = 10  # chunks that were analysed
GIVEN = 11  # frames of sound that came in
RAISED = 12  # samples made of them where sound is resampled before it is stretched
READ = 13  # the next frame to give out
COUNTS = 14

CHANGE = 0  # the onset function of the chunk before
REACHED = 1  # where the stretched sound should be heard, in samples of the stretcher's input
HIGH = 2  # the chunk before: content of high frequencies
RISE = 3  # and how much more than usual it rose
LEVELS = 4
