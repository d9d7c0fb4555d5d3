"""A network from a pathway table: from a CSV file to attributions and a test against null models.

Table and measurements are synthetic, made here from a seed. Genes are in pathways, pathways in
larger ones or in processes, and processes lead to the outcome. A sample whose genes of one pathway
are up or down together is a case, and a tenth of these labels are wrong. Nothing tells the network
which pathway that is. docs/pathways.md explains each step. Table and pictures go to runs/pathways/.

Needs: pip install "minisnn[pandas,plot,sweep]"
"""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

import minisnn as snn
from minisnn import experiments, plots

PATHWAYS, PROCESSES, PLANTED = 80, 12, "pathway 18"
HEAD = "case by pathways"  # an output beside "case": it reads pathways only


def write_table(path, rng, genes):
    """Write a table of edges as databases have it: who is a part of what."""
    edges = [(f"process {process:02}", "case") for process in range(PROCESSES)]
    for pathway in range(PATHWAYS):
        name, size = f"pathway {pathway:02}", int(rng.integers(5, 40))
        members = rng.choice(genes, 12 if name == PLANTED else size, replace=False)
        parents = rng.choice(PROCESSES, rng.integers(1, 3), replace=False)
        edges += [(f"g{gene:03}", name) for gene in members]
        edges += [(name, f"process {process:02}") for process in parents]
        if pathway % 8 == 1:
            edges.append((name, f"pathway {pathway - 1:02}"))
        edges.append((name, HEAD))
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("source", "target"), *edges])


def members_of(pathway, wiring):
    """Return the names of the genes of a pathway."""
    return [gene for gene, target in wiring.edges() if target == pathway]


def measure(table, rng, genes, samples):
    """Return the activity of genes in samples, and 1 for each case, 0 for each control."""
    columns = [f"g{gene:03}" for gene in rng.choice(genes + 100, genes, replace=False)]
    X = pd.DataFrame(rng.standard_normal((samples, genes), dtype=np.float32), columns=columns)
    members = [gene for gene in members_of(PLANTED, table) if gene in X]
    together = np.abs(X[members].sum(axis=1)) > 1.2 * len(members) ** 0.5
    return X, (together ^ (rng.random(samples) < 0.1)).to_numpy(np.float32)


def train(wiring, X, y, epochs, seed):
    """Return a trained network of four neurons per term."""
    net = snn.Network(wiring.with_units(4), activation="relu", initializer="he_normal",
                      batch_norm=True, seed=seed)  # fmt: skip
    snn.train(net, X, np.column_stack([y, y]), loss="binary_cross_entropy", epochs=epochs,
              optimizer=snn.Adam(snn.WarmUpDecay(0.01, 0.1), l1=0.2), class_weight="balanced",
              output_weights={"case": 1.0, HEAD: 0.5}, seed=seed, progress=False)  # fmt: skip
    return net


def auroc(y, scores):
    """Return how often a case has a higher score than a control: the area under the ROC curve."""
    ranks, n = rankdata(scores), np.count_nonzero(y)
    return (ranks[y == 1].sum() - n * (n + 1) / 2) / (n * (len(y) - n))


def main(folder="runs/pathways", genes=500, samples=4000, epochs=60, nulls=99, jobs=None):
    """Do it all, and print the result of each step."""
    folder, rng = Path(folder), np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "pathways.csv", rng, genes + 50)

    table = snn.wiring.from_edges(folder / "pathways.csv", outputs=["case", HEAD])
    X, y = measure(table, rng, genes, samples)
    X = X[[gene for gene in X if gene in table]]  # others are in no pathway
    wiring = table.restricted_to(X.columns)
    print(f"{wiring}\n")

    n = 3 * samples // 4
    X_known, y_known, X_held, y_held = X[:n], y[:n], X[n:], y[n:]
    net = train(wiring, X_known, y_known, epochs, seed=0)
    print(net)
    for name, scores in zip(wiring.outputs, net.predict(X_held).T, strict=True):
        right = np.mean((scores > 0.5) == y_held)
        print(f"{name:17} AUROC {auroc(y_held, scores):.3f}, accuracy {right:.3f}, held out")

    activity = net.activations(X_held)[PLANTED]  # samples x 4 neurons
    for kind, label in (("cases", 1), ("controls", 0)):
        means = activity[y_held == label].mean(axis=0)
        print(f"{PLANTED} in {kind:9}" + "".join(f"{value:7.3f}" for value in means))

    terms = snn.attribution.conductance(net, X_held, "case")
    inputs = snn.attribution.integrated_gradients(net, X_held, "case")
    print(f"\n{terms}\n\n{inputs}")
    planted = members_of(PLANTED, wiring)
    first = inputs.to_frame()["name"][: len(planted)]
    print(f"\n{first.isin(planted).sum()} of the first {len(planted)} genes are in {PLANTED}")

    def metric(wiring, seed):
        net = train(wiring, X_known, y_known, epochs, seed)
        return auroc(y_held, net.predict(X_held)[:, 0])

    result = experiments.wiring_test(wiring, metric, n=nulls, keep="degrees", jobs=jobs)
    print(f"\n{result}")

    pictures = {
        "wiring": plots.plot_wiring(wiring),
        "sankey": plots.plot_sankey(net.wiring, net.folded().weights_frame()["weight"]),
        "terms": plots.plot_attributions(terms),
        "genes": plots.plot_attributions(inputs),
        "nulls": plots.plot_nulls(result.nulls, result.real),
    }
    for name, figure in pictures.items():
        figure.savefig(folder / f"{name}.png", dpi=100)
    print(f"\npictures are in {folder}")


if __name__ == "__main__":
    main()
