"""Keras's LocallyConnected1D, which Keras 3 no longer has: that of tf_keras."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

import minisnn as snn

from .base import Case, difference, module

STEPS, FILTERS, KERNEL, STRIDE, CLASSES = 1024, 4, 16, 4, 10
SAMPLES, BATCH, RATE = 4096, 128, 0.001
IMPLEMENTATIONS = (1, 2, 3)


def case(threads: int) -> Case:
    """Return a signal, its locally connected layer and ten classes, by each implementation."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    tf = module("tensorflow", "tensorflow-cpu tf-keras")
    keras = module("tf_keras", "tensorflow-cpu tf-keras")
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((SAMPLES, STEPS), dtype=np.float32)
    labels = rng.integers(0, CLASSES, SAMPLES)

    places = (STEPS - KERNEL) // STRIDE + 1
    edges = [
        (STRIDE * place + k, FILTERS * place + f)
        for place in range(places)
        for k in range(KERNEL)
        for f in range(FILTERS)
    ]
    n_hidden = places * FILTERS
    graph = snn.topology.from_edges(STEPS, n_hidden, edges)
    net = snn.MLP(
        [graph, snn.topology.dense(n_hidden, CLASSES)],
        activation="tanh",
        output_activation="softmax",
        seed=0,
    )

    differences, sides = {}, {}
    for number in IMPLEMENTATIONS:
        model = keras.Sequential(
            [
                keras.layers.Reshape((STEPS, 1), input_shape=(STEPS,)),
                keras.layers.LocallyConnected1D(
                    FILTERS, KERNEL, STRIDE, activation="tanh", implementation=number
                ),
                keras.layers.Flatten(),
                keras.layers.Dense(CLASSES, activation="softmax"),
            ]
        )
        model.compile(keras.optimizers.Adam(RATE), "sparse_categorical_crossentropy")
        by_edge = _by_edge(model.layers[1], number)
        first, second = net.layers
        kernel = model.layers[1].kernel.numpy()
        first.weights[:] = by_edge(kernel)
        second.weights[:] = model.layers[3].kernel.numpy().T.ravel()
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                keras.losses.sparse_categorical_crossentropy(labels[:BATCH], model(X[:BATCH]))
            )
        theirs = tape.gradient(loss, model.layers[1].kernel).numpy()
        ours = net.loss_and_gradients(X[:BATCH], labels[:BATCH])[1].weights[0]
        differences[f"gradients by implementation {number}"] = difference(ours, by_edge(theirs))
        sides[f"Model.fit, implementation={number}"] = _fit(model, X, labels)

    def here(epochs: int) -> None:
        snn.train(net, X, labels, optimizer=snn.Adam(RATE), batch_size=BATCH, epochs=epochs)

    title = f"{net}\n{SAMPLES} samples, batch {BATCH}"
    return Case(title, differences, {**sides, "minisnn.train": here})


def _by_edge(layer: Any, implementation: int) -> Any:
    """Return what brings a kernel into the order of the edges here.

    1 has shape (places, KERNEL, FILTERS); 2 is a matrix of which all but the edges is masked; 3 has
    a weight for each edge, in this order already.
    """
    if implementation == 1:
        return lambda kernel: kernel.transpose(0, 2, 1).ravel()
    if implementation == 2:
        mask = np.broadcast_to(layer.kernel_mask, layer.kernel.shape).reshape(STEPS, -1) != 0
        return lambda kernel: kernel.reshape(STEPS, -1).T[mask.T]
    return lambda kernel: kernel


def _fit(model: Any, X: Any, labels: Any) -> Any:
    return lambda epochs: model.fit(X, labels, batch_size=BATCH, epochs=epochs, verbose=0)
