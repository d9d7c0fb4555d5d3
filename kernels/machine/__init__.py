"""Machine layer of the kernels: CPU, caches, compilation, threads, registers."""
