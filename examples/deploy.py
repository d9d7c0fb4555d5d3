"""From a graph to single predictions: measure it, train it, save it, load it, ask it."""

import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

import minisnn as snn


def latency(net, samples):
    """Return the median time of a prediction, one sample at a time, in microseconds."""
    times = []
    for sample in samples:
        started = perf_counter()
        net.predict(sample[None, :], input_scale=1 / 255)
        times.append(1e6 * (perf_counter() - started))
    return np.median(times)


def main(epochs=60, predictions=500):
    """Do it all, and print the result of each step."""
    digits = snn.datasets.load_mnist("sample")
    graph = snn.topology.fibonacci_rotating(784, 400, degree=40)
    measures = snn.spectral.measure(graph)
    print(f"graph      {graph}")
    connectivity = f"algebraic connectivity {measures.algebraic_connectivity:.2g}"
    print(f"           {connectivity}, diameter {measures.diameter}")

    net = snn.MLP([graph, snn.topology.dense(400, 10)], seed=0)
    optimizer = snn.NesterovSGD(snn.WarmUpDecay(peak=2.0))
    history = snn.train(net, digits.train_images, digits.train_labels, optimizer=optimizer,
                        epochs=epochs, input_scale=1 / 255, seed=0)  # fmt: skip
    test = snn.evaluate(net, digits.test_images, digits.test_labels, input_scale=1 / 255)
    print(f"trained    {net}")
    print(f"           {100 * test.accuracy:.1f} % of {len(digits.test_labels)} digits right, "
          f"{history.seconds_per_epoch:.3f} seconds per epoch")  # fmt: skip

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.npz"
        snn.save(net, path)
        print(f"saved      {path.stat().st_size / 1000:.0f} kB, graph and weights")
        net = snn.load(path)

    digit, label = digits.test_images[0], digits.test_labels[0]
    outputs = net.predict(digit[None, :], input_scale=1 / 255)[0]
    print(f"asked      {outputs.argmax()} with output {outputs.max():.2f}; it is a {label}")
    one = latency(net, digits.test_images[:predictions])
    print(f"           {one:.0f} microseconds per prediction (median of {predictions})")


if __name__ == "__main__":
    main()
