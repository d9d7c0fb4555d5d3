"""What `scripts/benchmark.py` is made of: the other systems that it measures against."""
