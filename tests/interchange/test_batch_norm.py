"""Batch normalisation in a state_dict: its place among the layers, and its folding into them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from state_dicts import linear, named

import minisnn as snn

FUNCTIONS = {"tanh": np.tanh, "identity": np.asarray, "relu": lambda z: np.maximum(z, 0)}


def norm(width: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "weight": rng.normal(size=width),
        "bias": rng.normal(size=width),
        "running_mean": rng.normal(size=width),
        "running_var": rng.random(width) + 0.1,
        "num_batches_tracked": np.array(7),
    }


def normalised(X: Any, roles: dict[str, Any], eps: float = 1e-5) -> Any:
    hat = (X - roles["running_mean"]) / np.sqrt(roles["running_var"] + eps)
    return hat * roles.get("weight", 1) + roles.get("bias", 0)


def propagated(X: Any, modules: list[Any]) -> Any:
    """Return what a list of linear layers, normalisations and names of functions computes."""
    for module in modules:
        if isinstance(module, str):
            X = FUNCTIONS[module](X)
        elif "running_mean" in module:
            X = normalised(X, module)
        else:
            X = X @ module["weight"].T + module["bias"]
    return X


X = np.random.default_rng(5).normal(size=(9, 6))


SEQUENTIALS = {
    "before": [linear(6, 5), norm(5), "tanh", linear(5, 4)],
    "after": [linear(6, 5), "tanh", norm(5), linear(5, 4)],
    "both": [linear(6, 5), norm(5), "tanh", norm(5, seed=1), linear(5, 4)],
    "two before": [linear(6, 5), norm(5), norm(5, seed=1), "tanh", linear(5, 4)],
    "two after": [linear(6, 5), "tanh", norm(5), norm(5, seed=1), linear(5, 4)],
    "of inputs": [norm(6), linear(6, 5), "tanh", linear(5, 4)],
    "of outputs": [linear(6, 5), "tanh", linear(5, 4), norm(4)],
    "all": [norm(6), norm(6, seed=1), linear(6, 5), norm(5), "tanh", norm(5, seed=1), linear(5, 4),
            "tanh", norm(4, seed=2), linear(4, 3), norm(3)],
}  # fmt: skip


@pytest.mark.parametrize("kind", SEQUENTIALS)
def test_indices_tell_where_a_normalisation_stands(kind: str) -> None:
    modules = SEQUENTIALS[kind]
    state = {
        f"module.{index}.{role}": array  # as of DataParallel
        for index, module in enumerate(modules)
        for role, array in (module.items() if isinstance(module, dict) else ())
    }
    expected = propagated(X, modules)
    for keys in (list(state), sorted(state)):
        net = snn.from_state_dict(
            {key: state[key] for key in keys}, activation="tanh", output_activation="identity"
        )
        np.testing.assert_allclose(net.predict(X), expected, rtol=1e-12)


NAMED = (
    "fc1 *bn1 fc2 *bn2 out",
    "fc1 fc2 out *bn1 *bn2",
    "layers.0 layers.1 out *norms.0 *norms.1",
    "blocks.0.linear *blocks.0.norm blocks.1.linear *blocks.1.norm head",
    "first *norm second *other_norm last",
    "0 *1 2 *3 4",  # of a ModuleList, in which no activation stands
)
"""Names of three layers and, with a star, two normalisations."""


@pytest.mark.parametrize("names", NAMED)
@pytest.mark.parametrize("position", ["before", "after"])
def test_other_names_need_a_word(names: str, position: str) -> None:
    layers, norms = [linear(6, 5), linear(5, 5), linear(5, 3)], [norm(5), norm(5, seed=1)]
    waiting = {False: iter(layers), True: iter(norms)}
    state = {
        f"{name.strip('*')}.{role}": array
        for name in names.split()
        for role, array in next(waiting[name.startswith("*")]).items()
    }
    with pytest.raises(ValueError, match=r"do not tell if .* stands before or after the activati"):
        snn.from_state_dict(state, activation="tanh")
    options = {"activation": "tanh", "output_activation": "identity", "batch_norm": position}
    between: list[Any] = [[each, "tanh"][:: 1 if position == "before" else -1] for each in norms]
    modules = [layers[0], *between[0], layers[1], *between[1], layers[2]]
    np.testing.assert_allclose(
        snn.from_state_dict(state, **options).predict(X), propagated(X, modules), rtol=1e-12
    )
    modules = [module for module in modules if module != "tanh"]
    net = snn.from_state_dict(state, activation="identity", output_activation="identity")
    np.testing.assert_allclose(net.predict(X), propagated(X, modules), rtol=1e-12)


@pytest.mark.parametrize(
    ("state", "options", "message"),
    [
        (named(bn1=norm(6), fc1=linear(6, 6), fc2=linear(6, 2)), {}, "which .* 'bn1' follows"),
        (named(a=linear(6, 6), b=linear(6, 6), bn=norm(6), c=linear(6, 2)), {}, "'bn' follows"),
        (named(a=linear(6, 6), b=linear(6, 6), bn=norm(6)), {}, "Name the parts as torch"),
        (named(fc1=linear(6, 6), bn3=norm(6), fc2=linear(6, 2)), {}, "which linear layer .* 'bn3'"),
        (named(_0=norm(6), _2=linear(6, 2)), {}, "which linear layer the batch normalisation '.0'"),
        (named(fc1=linear(6, 5), bn1=norm(4), fc2=linear(5, 2)), {"batch_norm": "before"},
         "'bn1' has 4 neurons, but layer 'fc1' before it 5"),
        (named(net_0=norm(5), net_1=linear(6, 5)), {}, "'net.0' has 5 neurons, but the inputs"),
        (named(n_0=linear(6, 5), n_1=norm(5), n_3=linear(5, 2)), {"batch_norm": "after"},
         "batch_norm is 'after', but .* 'n.1' stands before the activation, by the numbers"),
        (named(n_0=linear(6, 5), n_2=norm(5)), {"batch_norm": "after"},
         "'n.2' stands after the activation of the outputs, with no layer behind"),
        (named(n_0=linear(6, 5), n_2=norm(5)), {}, "before or after the activation of layer 'n.0'"),
        ({}, {"batch_norm": "middle"}, "batch_norm must be one of before, after, got 'middle'"),
        ({}, {"batch_norm_eps": -1}, "batch_norm_eps must be"),
        (named(n_0=linear(6, 5), n_1=norm(5) | {"running_var": -norm(5)["running_var"]}), {},
         "n.1.running_var must be above 0"),
        (named(n_0=linear(6, 5), n_1=norm(5) | {"running_mean": np.ones((5, 1))}), {},
         r"n.1.bias must have shape \(n_neurons,\), as all of a batch norm.* of shape \(5, 1\)"),
        (named(n_0=linear(6, 5), n_1=norm(5) | {"weight": np.full(5, np.nan)}), {},
         "n.1.weight must be finite"),
    ],
)  # fmt: skip
def test_normalisations_that_are_refused(state: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        snn.from_state_dict(state, **options)


def test_what_folding_keeps() -> None:
    """Edges, also where γ is 0, and the precision of the weights."""
    mask = np.array([[1, 0, 1], [0, 1, 0]])
    state = named(
        n_0={"weight_orig": np.ones((2, 3), np.float32), "weight_mask": mask},
        n_1=norm(2) | {"weight": np.zeros(2)},
        n_3={"weight": np.ones((4, 2), np.float32)},
    )
    net = snn.from_state_dict(state)
    np.testing.assert_array_equal(net.topologies[0].to_dense(), mask.T)
    assert net.dtype == np.float32
    assert net.layers[0].weights.tolist() == [0, 0, 0]
    without = {"running_mean": np.full(2, 3.0), "running_var": np.full(2, 0.03)}
    net = snn.from_state_dict(
        named(n_0={"weight": np.eye(2)}, n_1=without), output_activation="identity",
        batch_norm_eps=0.01,
    )  # fmt: skip
    np.testing.assert_allclose(net.predict(np.full((1, 2), 3.5)), [[2.5, 2.5]])


def test_what_torch_trains_with_batch_normalisation() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    nn = torch.nn
    torch.manual_seed(0)
    prune = pytest.importorskip("torch.nn.utils.prune")
    model = nn.Sequential(
        nn.BatchNorm1d(6), nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8, eps=1e-3), nn.ReLU(),
        nn.Dropout(0.1), nn.Linear(8, 8), nn.ReLU(), nn.BatchNorm1d(8, affine=False, eps=1e-3),
        nn.Linear(8, 4),
    )  # fmt: skip
    model[0].eps = 1e-3
    prune.random_unstructured(model[1], "weight", amount=0.5)
    inputs = torch.randn(64, 6)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    for _ in range(5):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(inputs), inputs[:, :4] ** 2).backward()
        optimizer.step()
    model.eval()
    expected = model(inputs).detach().numpy()
    for wrapped in (model, nn.DataParallel(model), nn.ModuleDict({"_orig_mod": model})):
        net = snn.from_state_dict(
            wrapped.state_dict(), activation="relu", output_activation="identity",
            batch_norm_eps=1e-3,
        )  # fmt: skip
        np.testing.assert_allclose(net.predict(inputs.numpy()), expected, atol=1e-5)
    assert isinstance(model.state_dict(), OrderedDict)
    assert net.topologies[0].n_edges == 24
