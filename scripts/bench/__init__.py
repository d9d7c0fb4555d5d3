"""Parts of `scripts/benchmark.py`: its measurements and the systems that it measures against."""
