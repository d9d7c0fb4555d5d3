"""The machine as kernels see it: its CPU and caches, compilation, threads, registers."""
