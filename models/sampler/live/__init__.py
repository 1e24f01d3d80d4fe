"""Learning while playing: what a performer plays is heard, kept, and learnt beside the sound.

Nothing here runs in taraf's audio process: its memory is read from outside, as the recorder does,
and better weights reach it as a file.
"""
