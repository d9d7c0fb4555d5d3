"""Jitted CPU kernels for layers with a fixed sparse structure.

A leaf of the library: it imports NumPy, Numba with llvmlite, and its own siblings (the twins in
`reference` SciPy, too), and knows nothing of networks, topologies or data sets. Arrays in,
arrays out.

==============  ==============================================================================
`jit`           the one factory of every compiled function
`code_cache`    what it has compiled, kept on disk
`compiling`     says when it compiles
`vector`        a vector type as wide as the register file allows
`exponentials`  exp, log and what is made of them, without a call to libm
`products`      W X, its gradients on the edges, its gradient by the inputs
`complete`      the same of a complete layer; `blas`: on BLAS
`single`        a whole network for one sample
`activations`   sigmoid and the like, with bias, and their slopes; softmax
`losses`        squared error and cross-entropies, and their gradients
`updates`       the optimisers' steps; norms
`dropout`       inverted dropout from a counter-based generator
`batch`         gathering samples into the feature-major layout
`squares`       turning squares of samples by features in registers
`layout`        that layout: (features, lanes), aligned and padded
`wiring`        the structure of a whole network, and its transpose
`caches`        how large this machine's caches are
`blocks`        the blocks of columns in which a product is best made
`schedule`      the work of a step, cut into phases of tasks
`plan`          what is worked out once from a structure: its program
`engine`        the compiled interpreter of such programs: many steps in one call
`team`          how threads share the tasks of a run, and how many there are
`atomics`       the atomic operations with which they do
`reference`     a plain NumPy/SciPy twin of each kernel, for the tests
==============  ==============================================================================

Vocabulary: N samples, X inputs, W weights, b biases, Z = W X + b, A = f(Z), T targets;
dZ, dX, dW, db are gradients of the loss. Every matrix of activations is *feature-major*:
row = neuron, column = sample of the batch, padded to whole vectors (see `layout`).
"""
