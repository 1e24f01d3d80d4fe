"""The dissertation's second interface: trainings of the sampler on a page in a browser."""
