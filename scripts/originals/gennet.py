"""GenNet: a sparse TensorFlow matrix for each level, from genotypes to genes and pathways."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

import minisnn as snn

from .base import Array, Case, difference, fill, module, quiet

PACKAGES = "tensorflow-cpu==2.15.1 pandas tables tqdm matplotlib seaborn plotly scikit-learn"
BATCH, RATE = 32, 0.001  # its defaults
N_SNPS, N_GENES, N_PATHWAYS, N_PEOPLE = 100_000, 8_000, 300, 1_024


def case(repository: Path, threads: int) -> Case:
    """Return its example of a classification, read from its file by its own generator."""
    K, networks = _modules(repository, threads)
    tables, loaders = module("tables", "tables"), module("GenNet_utils.Dataloader", PACKAGES)
    folder = f"{repository / 'examples' / 'example_classification'}/"
    people = module("pandas", "pandas").read_csv(f"{folder}subjects.csv")
    people = people[people["set"] == 1]
    with tables.open_file(f"{folder}genotype.h5") as file:
        genotypes = file.root.data[people["genotype_row"].to_numpy(), :]
    n_people, n_snps = genotypes.shape
    labels = people["labels"].to_numpy(np.float32)[:, None]
    with quiet():
        generator = loaders.TrainDataGenerator(folder, folder, BATCH, n_people, n_snps, n_people)
        made = networks.create_network_from_csv(folder, n_snps, folder, l1_value=0, L1_act=0)
    return _compare(K, made, genotypes, labels, {"its generator": (generator,)})


def large(repository: Path, threads: int) -> Case:
    """Return genotypes drawn at random, in memory, with distinct edges in two files."""
    K, networks = _modules(repository, threads)
    rng = np.random.default_rng(0)
    genes = np.sort(rng.integers(0, N_GENES, N_SNPS))
    pathways = rng.integers(0, N_PATHWAYS, N_GENES)
    genes[-1] = N_GENES - 1
    genotypes = rng.integers(0, 3, (N_PEOPLE, N_SNPS), np.int8)
    labels = rng.integers(0, 2, (N_PEOPLE, 1)).astype(np.float32)
    layers = {
        "genes": _mask(np.arange(N_SNPS), genes), "pathways": _mask(np.arange(N_GENES), pathways)
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, quiet():
        for name, mask in layers.items():
            scipy.sparse.save_npz(f"{folder}/{name}.npz", mask)
        made = networks.create_network_from_npz(
            folder, N_SNPS, folder, l1_value=0, L1_act=0, mask_order=[*layers]
        )
    return _compare(K, made, genotypes, labels, {})


def _mask(sources: Array, targets: Array) -> scipy.sparse.coo_matrix:
    return scipy.sparse.coo_matrix((np.ones(len(sources), bool), (sources, targets)))


def _modules(repository: Path, threads: int) -> tuple[Any, Any]:
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.path.insert(0, str(repository))
    tf = module("tensorflow", PACKAGES)
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf.keras, module("GenNet_utils.Create_network", PACKAGES)


def _compare(
    K: Any, made: tuple[Any, Any], genotypes: Array, labels: Array, sources: dict[str, Any]
) -> Case:
    model, masks = made
    model.compile(K.optimizers.legacy.Adam(RATE), K.losses.BinaryCrossentropy())
    names: list[list[Any]] = [
        [(level, k) for k in range(mask.shape[0])] for level, mask in enumerate(masks)
    ]
    names += [[(len(masks), k) for k in range(masks[-1].shape[1])], ["case"]]
    last = np.ones((masks[-1].shape[1], 1))
    wiring = snn.wiring.from_matrices([*(mask.astype(np.int8) for mask in masks), last], names)

    def network(**normal: Any) -> snn.Network:
        return snn.Network(wiring, activation="tanh", seed=0, **normal)

    differences = _differences(K, model, masks, network(), genotypes[:256], labels[:256])
    net = network(batch_norm=snn.BatchNorm(scale=False, shift=False))
    floats = genotypes.astype(np.float32)
    none = np.zeros((len(floats), 0), np.float32)  # of covariates

    def here(epochs: int) -> None:
        snn.train(
            net, genotypes, labels, optimizer=snn.Adam(RATE), loss="binary_cross_entropy",
            batch_size=BATCH, epochs=epochs,
        )  # fmt: skip

    def fit(*data: Any, **options: Any) -> Any:
        def train(epochs: int) -> None:
            with quiet():
                model.fit(*data, epochs=epochs, verbose=0, **options)

        return train

    sides = {f"Model.fit, {name}": fit(*data) for name, data in sources.items()}
    sides["Model.fit, floats in memory"] = fit([floats, none], labels, batch_size=BATCH)
    return Case(
        f"{net}\n{len(genotypes)} people, batch {BATCH}", differences,
        {**sides, "minisnn.train": here},
    )  # fmt: skip


def _differences(
    K: Any, model: Any, masks: list[Any], net: snn.Network, genotypes: Array, labels: Array
) -> dict[str, float]:
    """Return differences of outputs and gradients, for GenNet's initial running moments.

    Its normalisation behind an activation is then a factor, which goes into the next weights.
    """
    tf = module("tensorflow", PACKAGES)
    layers = [layer for layer in model.layers if layer.weights and hasattr(layer, "kernel")]
    factor = float(1 / np.sqrt(1 + next(
        layer.epsilon for layer in model.layers if isinstance(layer, K.layers.BatchNormalization)
    )))  # fmt: skip
    weights, biases, orders = [], [], []
    for number, layer in enumerate(layers):
        kernel = layer.kernel.numpy().ravel()
        order = np.arange(len(kernel))
        if number < len(masks):
            order = np.lexsort((masks[number].row, masks[number].col))
        orders.append(order)
        weights.append(kernel[order] * (factor if number else 1))
        biases.append(layer.bias.numpy().ravel())
    fill(net, np.concatenate(weights), np.concatenate(biases))
    data = [genotypes.astype(np.float32), np.zeros((len(genotypes), 0), np.float32)]
    with tf.GradientTape() as tape:
        outputs = model(data, training=False)
        loss = tf.reduce_mean(K.losses.binary_crossentropy(labels, outputs))
    theirs = tape.gradient(loss, layers[0].kernel).numpy().ravel()[orders[0]]
    ours = net.loss_and_gradients(genotypes, labels, loss="binary_cross_entropy")[1].weights[0]
    return {
        "outputs": difference(net.predict(genotypes), outputs.numpy()),
        "gradients of the first level": difference(ours, theirs),
    }
