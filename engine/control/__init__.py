"""Everything that turns knobs, in the front process; none of it is near the audio thread."""
