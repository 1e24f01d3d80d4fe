"""Benchmarks of what is learnt: `taraf bench NAME`."""
