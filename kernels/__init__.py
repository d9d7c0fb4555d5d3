"""Jitted CPU kernels for layers with a fixed sparse structure.

A leaf of the library: it imports NumPy, Numba with llvmlite, and its own siblings (the twins in
`reference` SciPy, too), and knows nothing of networks, topologies or data sets. Arrays in,
arrays out.

==============  ==============================================================================
`jit`           the one factory of every compiled function
`vector`        a vector type as wide as the register file allows
`sigmoid`       exp and sigmoid without a call to libm; bias + sigmoid over a layer
`products`      W X, its gradients on the edges, its gradient by the inputs
`elementwise`   slope of the sigmoid, squared error, momentum update
`dropout`       inverted dropout from a counter-based generator
`batch`         gathering samples into the feature-major layout
`layout`        that layout: (features, lanes), aligned and padded
`plan`          what is worked out once from a layer's structure, and the products it offers
`threads`       how many threads a kernel takes, and how they wait for the next
`reference`     a plain NumPy/SciPy twin of each kernel, for the tests
==============  ==============================================================================

Vocabulary: N samples, X inputs, W weights, b biases, Z = W X + b, A = sigmoid(Z), T targets;
dZ, dX, dW, db are gradients of the loss. Every matrix of activations is *feature-major*:
row = neuron, column = sample of the batch, padded to whole vectors (see `layout`).
"""
