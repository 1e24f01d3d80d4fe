"""Neural networks as compiled kernels: ``compile_network`` makes a ``Network`` play."""
