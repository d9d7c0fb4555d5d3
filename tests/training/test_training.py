"""Training: equal to the masked dense network, reproducible, interruptible, validated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from naive import MaskedNetwork

import minisnn as snn
from minisnn import topology


def problem(n: int = 300, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.random((n, 12))
    return X, (X[:, :4] @ [1, 2, 3, 4] > 5).astype(np.int64) + (X[:, 5] > 0.8)


def make(dtype: Any = np.float64, seed: int = 0) -> snn.MLP:
    graphs = [topology.constant_degree(12, 30, 8), topology.dense(30, 3)]
    return snn.MLP(graphs, seed=seed, dtype=dtype)


OPTIMIZER = snn.NesterovSGD(snn.WarmUpDecay(3.0, 0.5))


# Results of training


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize(
    "graphs",
    [
        [topology.constant_degree(12, 30, 8), topology.fibonacci_rotating(30, 3, 2)],
        [topology.long_range_rotating(12, 9, 4), topology.dense(9, 3)],
        [topology.random_rotating(12, 20, 9), topology.constant_degree(20, 15, 5),
         topology.regular_rotating(15, 3, 1)],
        [topology.dense(12, 40), topology.dense(40, 3)],
    ],
    ids=["two sparse", "sparse and dense", "three sparse", "dense, on BLAS"],
)  # fmt: skip
def test_fifty_steps_equal_those_of_the_masked_dense_network(
    graphs: list[snn.Topology], dtype: Any, tolerance: float
) -> None:
    X, labels = problem(50 * 7)
    net = snn.MLP(graphs, seed=1, dtype=dtype)
    twin = MaskedNetwork(
        [layer.to_scipy().toarray().astype(np.float64) for layer in net.layers],
        [graph.to_dense() for graph in graphs],
        [layer.biases.astype(np.float64) for layer in net.layers],
    )
    snn.train(
        net, X.astype(dtype), labels, optimizer=snn.NesterovSGD(2.0, 0.8), batch_size=7,
        epochs=1, shuffle=False,
    )  # fmt: skip
    for start in range(0, len(X), 7):
        batch = slice(start, start + 7)
        twin.nesterov_step(X[batch], np.eye(3)[labels[batch]], rate=2.0, momentum=0.8)
    for layer, W, b, mask in zip(net.layers, twin.weights, twin.biases, twin.masks, strict=True):
        found = layer.to_scipy().toarray()
        assert not found[mask == 0].any()
        np.testing.assert_allclose(found, W, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(layer.biases, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dropout", [None, 0.3])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_bits_on_any_number_of_threads_and_in_each_run(
    threads: Callable[[int], None], dtype: Any, dropout: float | None
) -> None:
    X, labels = problem()
    results = []
    for n_threads in (1, 2, 2):
        threads(n_threads)
        net = make(dtype)
        history = snn.train(
            net, X, labels, optimizer=OPTIMIZER, batch_size=77, epochs=3, dropout=dropout,
            validation_data=(X, labels),
        )  # fmt: skip
        losses = history.column("loss") + history.column("validation_loss")
        results.append(np.append(net.parameters, losses))
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)
    assert np.abs(net.parameters - make(dtype).parameters).max() > 0.01


def test_seeds_matter() -> None:
    X, labels = problem()

    def trained(**options: Any) -> Any:
        net = make()
        snn.train(net, X, labels, optimizer=OPTIMIZER, epochs=1, batch_size=64, **options)
        return net.parameters.copy()

    assert (trained(seed=1) != trained(seed=2)).any()
    assert (trained(seed=1, dropout=0.5) != trained(seed=1)).any()
    fixed = {"shuffle": False, "dropout": 0.5}
    assert (trained(seed=1, **fixed) != trained(seed=2, **fixed)).any(), "dropout has the seed too"
    np.testing.assert_array_equal(trained(seed=1, shuffle=False), trained(seed=2, shuffle=False))


def test_networks_differ_by_their_seed_alone() -> None:
    np.testing.assert_array_equal(make(seed=1).parameters, make(seed=1).parameters)
    assert (make(seed=1).parameters != make(seed=2).parameters).any()
    np.testing.assert_array_equal(
        make(np.float32).parameters, make(np.float64).parameters.astype(np.float32)
    )


def test_initial_weights_of_a_layer_do_not_depend_on_the_other_layers() -> None:
    last = topology.dense(30, 3)
    for first in (topology.constant_degree(12, 30, 8), topology.dense(50, 30)):
        weights = snn.MLP([first, last], seed=1).layers[1].weights
        np.testing.assert_array_equal(weights, make(np.float32, seed=1).layers[1].weights)


def test_a_batch_larger_than_the_data_is_all_of_it() -> None:
    X, labels = problem(20)
    nets = make(), make()
    for net, batch_size in zip(nets, (20, 2**50), strict=True):  # which no memory would hold
        snn.train(net, X, labels, optimizer=OPTIMIZER, epochs=2, batch_size=batch_size)
    np.testing.assert_array_equal(nets[0].parameters, nets[1].parameters)


def test_labels_bytes_and_matrices_train_alike() -> None:
    rng = np.random.default_rng(5)
    X = rng.integers(0, 256, (100, 12)).astype(np.uint8)
    labels = rng.integers(0, 3, 100)
    results = []
    for inputs, targets, scale in (
        (X, labels, 1 / 255),
        (X, labels.astype(np.uint8), 1 / 255),
        (X, np.eye(3, dtype=np.float32)[labels], 1 / 255),
        (X.astype(np.float64), np.eye(3, dtype=int)[labels], 1 / 255),
        (X / 255, np.eye(3, dtype=bool)[labels], 1.0),
    ):
        net = make()
        snn.train(net, inputs, targets, optimizer=OPTIMIZER, epochs=2, input_scale=scale)
        results.append(net.parameters.copy())
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-9, atol=1e-12)


def test_classical_momentum_and_plain_descent() -> None:
    X, Y = problem(20)[0], np.random.default_rng(0).random((20, 3))
    for optimizer in (snn.SGD(0.5), snn.SGD(0.5, momentum=0.9)):
        net, twin = make(), make()
        velocities = np.zeros_like(net.parameters)
        snn.train(net, X, Y, optimizer=optimizer, epochs=4, batch_size=20, shuffle=False)
        for _ in range(4):
            _, gradients = twin.loss_and_gradients(X, Y)
            velocities = optimizer.momentum * velocities - 0.5 * gradients.parameters
            twin.parameters[:] += velocities
        np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-10, atol=1e-13)


def test_learns_the_sample(digits: Any) -> None:
    graphs = [topology.constant_degree(784, 300, 30), topology.dense(300, 10)]
    net = snn.MLP(graphs)
    history = snn.train(
        net, digits.train_images, digits.train_labels,
        optimizer=snn.NesterovSGD(snn.WarmUpDecay(4.0, 0.5)), batch_size=64, epochs=25,
        validation_data=(digits.test_images, digits.test_labels), input_scale=1 / 255,
    )  # fmt: skip
    losses = history.column("loss")
    assert losses[-1] < 0.02 < 0.08 < losses[0]
    assert history.epochs[-1].validation_accuracy > 0.88
    evaluation = snn.evaluate(net, digits.test_images, digits.test_labels, input_scale=1 / 255)
    assert evaluation.accuracy == history.epochs[-1].validation_accuracy
    assert evaluation.loss == pytest.approx(history.epochs[-1].validation_loss)


def test_compiling_trains_nothing() -> None:
    from minisnn.network.samples import check_samples
    from minisnn.training.trainer import Trainer

    net = make()
    samples = check_samples(net, *problem(), 1.0)
    stepper = Trainer(net, samples, optimizer=OPTIMIZER, batch_size=8, dropout=(0.1, 0.1))
    stepper.compile()
    np.testing.assert_array_equal(net.parameters, make().parameters)


# End of training


def test_a_callback_can_end_the_training() -> None:
    X, labels = problem()
    history = snn.train(
        make(), X, labels, optimizer=OPTIMIZER, epochs=9,
        callbacks=[lambda net, epoch: np.equal(epoch.epoch, 3)],
    )  # fmt: skip
    assert len(history.epochs) == 3
    assert not history.interrupted


def test_training_in_another_thread() -> None:
    from threading import Thread

    X, labels = problem()
    histories = []
    thread = Thread(
        target=lambda: histories.append(snn.train(make(), X, labels, optimizer=OPTIMIZER))
    )
    thread.start()
    thread.join()
    assert len(histories[0].epochs) == 10


# Errors


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
        ({"epochs": 1.5}, TypeError, r"epochs must be a whole number, got 1\.5"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"loss": "hinge"}, ValueError, "loss must be one of"),
        ({"dropout": [0.1] * 3}, ValueError, "dropout must be one rate, or 2"),
        ({"input_scale": 0.0}, ValueError, "input_scale must not be 0"),
        ({"seed": -1}, ValueError, "seed must be at least 0, got -1"),
        ({"seed": 0.5}, TypeError, "seed must be a whole number, a SeedSequence, a .* got 0.5"),
        ({"optimizer": "adma"}, ValueError, "optimizer must be one of nesterov, sgd, adam, got"),
        ({"optimizer": snn.SGD}, TypeError, r"optimizer must be a name \(nesterov, .* got <class"),
        (
            {"optimizer": snn.SGD(lambda epoch, epochs: -1.0)},
            ValueError,
            "the schedule's rate at epoch 0.5 must be a finite number, at least 0, got -1.0",
        ),
        ({"validation_data": np.zeros((3, 12))}, ValueError, r"validation_data must be a pair"),
        ({"callbacks": [3]}, TypeError, "callbacks must be functions of .* got 3"),
        (
            {"callbacks": [snn.callbacks.EarlyStopping]},
            TypeError,
            r"callbacks must be .* or objects such as EarlyStopping\(\), got <class",
        ),
        ({"validation_data": (np.zeros((3, 9)), [0, 1, 2])}, ValueError, "validation X must have"),
        ({"validation_data": (np.zeros((2, 12)), [0, 3])}, ValueError, "validation Y must hold"),
    ],
)
def test_bad_options(options: Any, error: type[Exception], message: str) -> None:
    X, labels = problem(10)
    net = make()
    with pytest.raises(error, match=message):
        snn.train(net, X, labels, **{"optimizer": OPTIMIZER, **options})
    np.testing.assert_array_equal(net.parameters, make().parameters)


def test_bad_data() -> None:
    X, labels = problem(10)
    with pytest.raises(ValueError, match="X holds no samples"):
        snn.train(make(), X[:0], labels[:0], optimizer=OPTIMIZER)
    with pytest.raises(ValueError, match="X must be finite"):
        snn.train(make(), X * np.inf, labels, optimizer=OPTIMIZER)
    with pytest.raises(ValueError, match=r"Y must hold labels from 0 to 2, .* got 7"):
        snn.train(make(), X, labels + 7 - labels[0], optimizer=OPTIMIZER)
