"""The thesis, whole (Langer 2023): a note's spectrogram, encoded, morphed and decoded, offline.

`spectra.Transform` makes spectrograms of notes and sounds of spectrograms, `training.train_seed`
learns an autoencoder of them, `reconstruction.Reconstructor` encodes, interpolates, activates and
decodes, `comparison.table` sets it beside the other models of Roche's comparison, and
`report.report` writes what came of it as one page.
"""
