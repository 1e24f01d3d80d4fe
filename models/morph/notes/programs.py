"""What General MIDI calls its programs, by number from 0, as names of sounds."""

_TABLE = """
grand_piano bright_piano electric_grand honky_tonk electric_piano_1 electric_piano_2
harpsichord clavinet
celesta glockenspiel music_box vibraphone marimba xylophone tubular_bells dulcimer
drawbar_organ percussive_organ rock_organ church_organ reed_organ accordion harmonica
tango_accordion
nylon_guitar steel_guitar jazz_guitar clean_guitar muted_guitar overdriven_guitar
distortion_guitar guitar_harmonics
acoustic_bass fingered_bass picked_bass fretless_bass slap_bass_1 slap_bass_2
synth_bass_1 synth_bass_2
violin viola cello contrabass tremolo_strings pizzicato_strings harp timpani
strings_1 strings_2 synth_strings_1 synth_strings_2 choir_aahs voice_oohs synth_voice
orchestra_hit
trumpet trombone tuba muted_trumpet french_horn brass_section synth_brass_1 synth_brass_2
soprano_saxophone alto_saxophone tenor_saxophone baritone_saxophone oboe english_horn
bassoon clarinet
piccolo flute recorder pan_flute blown_bottle shakuhachi whistle ocarina
square_lead sawtooth_lead calliope_lead chiff_lead charang_lead voice_lead fifths_lead
bass_lead
new_age_pad warm_pad polysynth_pad choir_pad bowed_pad metallic_pad halo_pad sweep_pad
rain_effect soundtrack_effect crystal_effect atmosphere_effect brightness_effect
goblins_effect echoes_effect science_fiction_effect
sitar banjo shamisen koto kalimba bagpipe fiddle shanai
tinkle_bell agogo steel_drums woodblock taiko_drum melodic_tom synth_drum reverse_cymbal
"""
PROGRAMS = tuple(_TABLE.split())

__all__ = ["PROGRAMS"]
