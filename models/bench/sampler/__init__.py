"""taraf bench sampler: parts of it."""
