"""Products of one layer, sparse or complete, of one sample, and the assembly of a batch."""
