"""A graph of your own: sensors in a plane, each connected with its nearest neighbours.

Every sensor measures a smooth field with noise. The network estimates the field without the noise,
at every sensor. Is a graph of neighbours better for that than a random one with as many edges?
"""

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import KDTree

import minisnn as snn

SENSORS, NEIGHBOURS, NOISE = 150, 12, 0.2


def neighbours(places):
    """Return the graph that connects each sensor with itself and with those nearest to it."""
    _, nearest = KDTree(places).query(places, NEIGHBOURS)
    rows = np.repeat(np.arange(SENSORS), NEIGHBOURS)
    matrix = csr_array((np.ones(nearest.size), (nearest.ravel(), rows)), (SENSORS, SENSORS))
    return snn.topology.from_scipy(matrix)


def fields(rng, places, samples):
    """Return waves of random direction and phase at all places, 0.1 to 0.9."""
    directions = rng.normal(scale=6, size=(samples, 2))
    phases = rng.uniform(0, 2 * np.pi, size=(samples, 1))
    return 0.5 + 0.4 * np.sin(directions @ places.T + phases)


def main(seeds=3, epochs=160, samples=2000):
    """Train on each graph and print the error, beside that of the raw measurements."""
    rng = np.random.default_rng(0)
    places = rng.random((SENSORS, 2))
    truth = fields(rng, places, samples + 1000)
    measured = truth + rng.normal(scale=NOISE, size=truth.shape)
    graphs = {
        "neighbours": [neighbours(places)] * 2,
        "random": [snn.topology.biregular(SENSORS, SENSORS, NEIGHBOURS, seed=s) for s in (0, 1)],
        "complete": [snn.topology.dense(SENSORS, SENSORS)] * 2,
    }
    print(f"{'graph':12}{'weights':>10}{'error':>10}{'lowest':>10}{'highest':>10}")
    print(f"{'none':12}{0:>10,}{NOISE:>10.4f}")
    for name, layers in graphs.items():
        errors = []
        for seed in range(seeds):
            net = snn.MLP(layers, seed=seed)
            optimizer = snn.NesterovSGD(snn.WarmUpDecay(peak=40.0))
            snn.train(net, measured[:samples], truth[:samples], optimizer=optimizer,
                      epochs=epochs, seed=seed)  # fmt: skip
            test = snn.evaluate(net, measured[samples:], truth[samples:])
            errors.append(test.loss**0.5)
        print(f"{name:12}{net.n_connections:>10,}{np.mean(errors):>10.4f}"
              f"{min(errors):>10.4f}{max(errors):>10.4f}")  # fmt: skip


if __name__ == "__main__":
    main()
