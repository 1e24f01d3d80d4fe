"""Sounds that become one another: grids, phases, files and networks of the morph."""
