"""cellmaps_vnn: a small layer for each term of a hierarchy, in a loop."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import minisnn as snn

from .base import Array, Case, difference, fill, module

BATCH, RATE, UNITS, ALPHA = 64, 0.001, 4, 0.3  # its defaults; ALPHA weighs the heads of terms


def case(repository: Path, threads: int) -> Case:
    """Return its example, with its default options, but without dropout."""
    torch = module("torch", "torch")
    trainers = module("cellmaps_vnn.vnn_trainer", "cellmaps-vnn==0.3.0")
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        data = _data(repository / "examples", folder)
    model = trainers.VNN(data)
    trainer = trainers.VNNTrainer(data)
    trainer.model = model
    masks = trainers.util.create_term_mask(model.term_direct_gene_map, model.gene_dim)
    trainer._initialize_model_parameters(masks)
    features = data.cell_features[data.train_feature.numpy().astype(int)[:, 0]]
    X = features.reshape(len(features), -1).astype(np.float32)
    targets = data.train_label.numpy()

    wiring = _wiring(model)
    Y = np.repeat(targets, len(wiring.outputs), axis=1)
    heads: Any = wiring.outputs
    head_weights = {name: 1.0 if name[1] == "final" else ALPHA for name in heads}

    def network(**normal: Any) -> snn.Network:
        return snn.Network(
            wiring, activation="tanh", output_activation="identity", seed=0, **normal
        )

    differences = _compare(torch, copy.deepcopy(model), network(), features, targets)
    net = network(batch_norm=True)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(data.train_feature, data.train_label),
        batch_size=BATCH,
        shuffle=True,
        drop_last=True,
    )
    optimizer = trainer._configure_optimizer()

    def original(epochs: int) -> None:
        for _ in range(epochs):
            trainer._train_epoch(loader, optimizer, masks)

    rows = np.arange(len(X) // BATCH * BATCH)

    def here(epochs: int) -> None:
        adam = snn.Adam(RATE, beta_2=0.99, epsilon=1e-5, weight_decay=RATE)
        snn.train(
            net, X, Y, rows=rows, optimizer=adam, loss="mse", output_weights=head_weights,
            batch_size=BATCH, epochs=epochs,
        )  # fmt: skip

    n_weights = sum(own.numel() for own in model.parameters())
    title = (
        f"{net}\n{len(rows)} samples, batch {BATCH}, {len(wiring.outputs)} heads; cellmaps_vnn "
        f"holds {n_weights} parameters for them"
    )
    sides = {"VNNTrainer._train_epoch": original, "minisnn.train": here}
    return Case(title, differences, sides)


def _data(examples: Path, folder: str) -> Any:
    wrapper = module("cellmaps_vnn.data_wrapper", "cellmaps-vnn==0.3.0")
    return wrapper.TrainingDataWrapper(
        outdir=folder, inputdir=folder, gene_attribute_name="CD_MemberList",
        training_data=examples / "training_data.txt", cell2id=examples / "cell2ind.txt",
        gene2id=examples / "gene2ind.txt", mutations=examples / "cell2mutation.txt",
        cn_deletions=examples / "cell2cndeletion.txt",
        cn_amplifications=examples / "cell2cnamplification.txt",
        modelfile=Path(folder) / "model.pt", genotype_hiddens=UNITS, lr=RATE, wd=RATE,
        alpha=ALPHA, epoch=1, batchsize=BATCH, cuda=None, zscore_method="auc",
        stdfile=Path(folder) / "std.txt", patience=30, delta=0.001, min_dropout_layer=2,
        dropout_fraction=0.0, hierarchy=str(examples / "hierarchy.cx2"),
    )  # fmt: skip


def _wiring(model: Any) -> snn.wiring.Wiring:
    """Return the hierarchy: three features of each gene, genes, terms, and a head for each term."""
    genes = {place: gene for gene, place in model.gene_id_mapping.items()}
    edges = [
        (("gene", genes[place]), ("term", term))
        for term, places in model.term_direct_gene_map.items()
        for place in places
    ]
    read = dict.fromkeys([source for source, _ in edges])
    edges += [((gene, k), ("gene", gene)) for _, gene in read for k in range(model.feature_dim)]
    for term, children in model.term_neighbor_map.items():
        edges += [(("term", child), ("term", term)) for child in children]
    heads = [*((term, term) for term in model.term_neighbor_map), (model.root, "final")]
    for term, name in heads:
        edges += [(("term", term), ("before head", name)), (("before head", name), ("head", name))]
    inputs = [(genes[g], k) for g in range(len(genes)) for k in range(model.feature_dim)]
    wiring = snn.wiring.from_edges(edges, outputs=[("head", name) for _, name in heads])
    known = [name for name in inputs if name in wiring]
    assert known == inputs, "a gene that no term reads"
    return wiring.restricted_to(inputs).with_units(
        {("term", term): UNITS for term in model.term_neighbor_map}
    )


def _compare(
    torch: Any, model: Any, net: snn.Network, features: Array, targets: Array
) -> dict[str, float]:
    """Return differences of outputs and gradients, both without batch normalisation.

    Its place differs: before the activation here, behind it there.
    """
    for name in [*model._modules]:
        if name.endswith("_batchnorm_layer"):
            model._modules[name] = torch.nn.Identity()
    wiring = net.wiring
    matrix, biases = _parameters(model, wiring)
    readers = np.repeat(np.arange(wiring.n_neurons), np.diff(wiring.indptr))
    fill(net, matrix[readers, wiring.indices], biases[wiring.n_inputs :])

    outputs, _ = model(torch.tensor(features, dtype=torch.float32))
    terms: Any = wiring.terms
    outputs_of: Any = wiring.outputs
    names = [name for _, name in outputs_of]
    theirs = torch.cat([outputs[name] for name in names], dim=1)
    X = features.reshape(len(features), -1).astype(np.float32)
    differences = {"outputs": difference(net.predict(X), theirs.detach().numpy())}

    torch.mean((theirs - torch.tensor(targets)) ** 2).backward()
    Y = np.repeat(targets, len(names), axis=1)
    gradients = net.loss_and_gradients(X, Y, loss="mse")[1]
    genes = [name[1] for name in terms if name[0] == "gene" and wiring.level_of[name] == 1]
    expected = [getattr(model, f"{gene}_feature_layer").weight.grad.numpy() for gene in genes]
    differences["gradients of the first level"] = difference(
        gradients.weights[0], np.concatenate(expected, axis=1)[0]
    )
    return differences


def _parameters(model: Any, wiring: snn.wiring.Wiring) -> tuple[Array, Array]:
    """Return weights, (n_neurons, n_neurons), and biases, from those of the small layers.

    The layer that scales each gene for a term has no activation, so it goes into the term's own.
    """
    matrix = np.zeros((wiring.n_neurons, wiring.n_neurons), np.float32)
    biases = np.zeros(wiring.n_neurons, np.float32)
    layers = {name: layer for name, layer in model.named_modules() if hasattr(layer, "weight")}
    genes = {place: gene for gene, place in model.gene_id_mapping.items()}

    def put(name: Any, sources: list[Any], weight: Array, bias: Array) -> None:
        rows = wiring.rows_of(name)
        begin = 0
        for source in sources:
            columns = wiring.rows_of(source)
            width = columns.stop - columns.start
            matrix[rows, columns] += weight[:, begin : begin + width]
            begin += width
        biases[rows] = bias

    def of(name: str) -> tuple[Array, Array]:
        return layers[name].weight.detach().numpy(), layers[name].bias.detach().numpy()

    for gene in model.gene_id_mapping:
        if ("gene", gene) in wiring:
            sources = [(gene, k) for k in range(model.feature_dim)]
            put(("gene", gene), sources, *of(f"{gene}_feature_layer"))
    for term, children in model.term_neighbor_map.items():
        weight, bias = of(f"{term}_linear_layer")
        sources = [("term", child) for child in children]
        width = UNITS * len(children)
        parts = [weight[:, :width]]
        if term in model.term_direct_gene_map:
            scales, shifts = of(f"{term}_direct_gene_layer")
            places = sorted(model.term_direct_gene_map[term])
            parts.append(weight[:, width:] @ scales[:, places])
            bias = bias + weight[:, width:] @ shifts
            sources += [("gene", genes[place]) for place in places]
        put(("term", term), sources, np.concatenate(parts, axis=1), bias)
        put(("before head", term), [("term", term)], *of(f"{term}_aux_linear_layer1"))
        put(("head", term), [("before head", term)], *of(f"{term}_aux_linear_layer2"))
    put(("before head", "final"), [("term", model.root)], *of("final_aux_linear_layer"))
    put(("head", "final"), [("before head", "final")], *of("final_linear_layer_output"))
    return matrix, biases
