"""Networks that have learnt a recording and dream on: files, kernels, vocoder."""
