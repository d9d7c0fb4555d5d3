"""Jitted CPU kernels for layers with a fixed sparse structure.

A leaf of the library: it imports NumPy, SciPy, Numba with llvmlite and threadpoolctl, and knows
nothing of networks, topologies or data sets. Arrays in, arrays out. Its packages, each on top of
those before it:

=============  ====================================================================================
`machine`      the CPU and its caches; compilation (`jit`) and its cache on disk; threads and
               atomic operations; a vector type as wide as the register file allows, and with it
               exp, log and the transposition of squares; the layout of activations
`functions`    activations, losses, the optimisers' steps, dropout; trades of a graph's edges
`layers`       the products of a sparse layer, of a complete one, of a single sample; the assembly
               of a batch
`program`      the structure of a network; blocks of columns and phases of tasks; the plan made of
               them; the engine, which runs it
=============  ====================================================================================

Vocabulary: N samples, X inputs, W weights, b biases, Z = W X + b, A = f(Z), T targets;
dZ, dX, dW, db are gradients of the loss. Every matrix of activations is *feature-major*:
row = neuron, column = sample of the batch, padded to whole vectors (see `layout`).
"""
