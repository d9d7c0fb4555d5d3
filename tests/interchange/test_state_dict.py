"""Networks from a state_dict of PyTorch: masks, the order of layers, batch normalisation."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import topology

FUNCTIONS = {"tanh": np.tanh, "identity": np.asarray, "relu": lambda z: np.maximum(z, 0)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_there_and_back(dtype: Any) -> None:
    graphs = [
        topology.fibonacci_rotating(50, 40, 5),
        topology.biregular(40, 30, 3, seed=0),
        topology.dense(30, 10),
    ]
    net = snn.MLP(graphs, seed=3, dtype=dtype)
    state = {}
    for number, layer in enumerate(net.layers):
        layer.biases[:] = np.linspace(-1, 1, len(layer.biases))
        state[f"{2 * number}.weight"] = layer.to_scipy().toarray().T
        state[f"{2 * number}.bias"] = layer.biases
    twin = snn.from_state_dict(state)
    assert twin.topologies == net.topologies
    assert twin.dtype == dtype
    np.testing.assert_array_equal(twin.parameters, net.parameters)


def test_masks_say_where_edges_are() -> None:
    weight = np.arange(12, dtype=np.float32).reshape(3, 4) - 2
    mask = (np.arange(12).reshape(3, 4) % 3 == 2).astype(np.float32)  # one of them a zero weight
    for key in ("weight", "weight_orig"):
        state = {
            f"fc.{key}": weight,
            "fc.weight_mask": mask,
            "fc.bias_orig": np.ones(3, np.float32),
            "fc.bias_mask": np.array([1, 0, 1]),
        }
        net = snn.from_state_dict(state)
        np.testing.assert_array_equal(net.topologies[0].to_dense(), mask.T)
        np.testing.assert_array_equal(net.layers[0].to_scipy().toarray(), (weight * mask).T)
        assert net.layers[0].biases.tolist() == [1, 0, 1]


@pytest.mark.parametrize("kind", ["f2", "f4", ">f4"])
@pytest.mark.parametrize("mask_kind", [bool, "f2", "f4", "i8"])
def test_masks_do_not_change_the_precision(kind: str, mask_kind: Any) -> None:
    mask = np.array([[1, 0, 1], [0, 1, 0]])
    state = {
        "0.weight_orig": np.where(mask, 0.5, np.nan).astype(kind),  # what is masked does not matter
        "0.weight_mask": mask.astype(mask_kind),
        "0.bias_orig": np.array([0.25, np.inf], kind),
        "0.bias_mask": np.array([1, 0], mask_kind),
    }
    net = snn.from_state_dict(state)
    assert net.dtype == np.float32
    assert net.parameters.tolist() == [0.5, 0.5, 0.5, 0.25, 0]


def test_what_torch_prunes_comes_in() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    prune = pytest.importorskip("torch.nn.utils.prune")
    torch.manual_seed(0)
    linear = torch.nn.Linear(30, 20, bias=False), torch.nn.Linear(20, 5)
    module = torch.nn.Sequential(linear[0], torch.nn.Sigmoid(), linear[1], torch.nn.Sigmoid())
    prune.random_unstructured(module[0], "weight", amount=0.8)
    prune.l1_unstructured(module[2], "bias", amount=0.4)
    X = np.random.default_rng(0).random((7, 30), dtype=np.float32)
    expected = module(torch.tensor(X)).detach().numpy()
    net = snn.from_state_dict(module.state_dict())
    assert net.topologies[0].n_edges == 120
    assert [np.count_nonzero(layer.biases) for layer in net.layers] == [0, 3]
    np.testing.assert_allclose(net.predict(X), expected, atol=1e-6, rtol=0)


# The order of layers


def linear(*widths: int) -> dict[str, Any]:
    """Return the entries of a layer, which tell it from others."""
    rng = np.random.default_rng(widths)
    return {"weight": rng.normal(size=widths[1::-1]), "bias": rng.normal(size=widths[1])}


def named(**layers: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{name.replace('_', '.')}.{role}": array
        for name, roles in layers.items()
        for role, array in roles.items()
    }


def first_biases(net: snn.MLP) -> list[float]:
    return [float(layer.biases[0]) for layer in net.layers]


@given(
    st.integers(1, 12), st.booleans(), st.sampled_from(["fc{}", "{}", "net.{}.linear", "b1.{}a"])
)
def test_sorted_keys_are_put_in_order_by_their_numbers(n: int, biases: bool, name: str) -> None:
    state = {}
    for number in range(1, n + 1):
        state[f"{name.format(number)}.weight"] = np.eye(2) * number
        if biases:
            state[f"{name.format(number)}.bias"] = np.full(2, number)
    for keys in (list(state), sorted(state)):
        net = snn.from_state_dict({key: state[key] for key in keys})
        assert [layer.weights[0] for layer in net.layers] == list(range(1, n + 1))


@pytest.mark.parametrize(
    "names",
    [["fc", "0"], ["", "0"], ["up.1", "down.0"], ["up.9", "up.10"], ["encoder", "decoder", "head"]],
)
def test_the_order_of_a_module_stands(names: list[str]) -> None:
    """PyTorch has each weight before its bias, which no sorted dict has."""
    state = {}
    for number, name in enumerate(names):
        state[f"{name}.weight".lstrip(".")] = np.eye(2) * (number + 1)
        state[f"{name}.bias".lstrip(".")] = np.zeros(2)
    net = snn.from_state_dict(state)
    assert [layer.weights[0] for layer in net.layers] == list(range(1, len(names) + 1))


def test_widths_say_what_names_do_not() -> None:
    """Of classifier, fc1, fc2 in a sorted file, and of names that hold widths."""
    for layers in (
        {"fc1": linear(4, 3), "fc2": linear(3, 5), "classifier": linear(5, 2)},
        {"fc128": linear(4, 3), "fc16": linear(3, 2)},
        {"in1": linear(4, 3), "hidden": linear(3, 5), "out": linear(5, 2)},
    ):
        state = named(**layers)
        expected = [entries["bias"][0] for entries in layers.values()]
        assert first_biases(snn.from_state_dict(state)) == expected
        assert first_biases(snn.from_state_dict({k: state[k] for k in sorted(state)})) == expected


def test_an_order_that_cannot_be_told() -> None:
    state = named(encoder=linear(6, 3), decoder=linear(3, 6))
    assert first_biases(snn.from_state_dict(state))[0] == state["encoder.bias"][0]
    with pytest.raises(
        ValueError, match=r"order of the layers 'decoder', 'encoder' cannot be told"
    ):
        snn.from_state_dict({key: state[key] for key in sorted(state)})
    state = named(fc2=linear(3, 3), fc1=linear(3, 3))
    with pytest.raises(
        ValueError, match=r"it has layer 'fc2' before layer 'fc1', and they fit in m"
    ):
        snn.from_state_dict(state)
    many = {f"{letter}.weight": np.eye(2) for letter in "abcdefghijklmnop"}
    with pytest.raises(
        ValueError, match=r"'h' \.\.\. cannot be told .* the alphabet, .* Name them 0, 1"
    ):
        snn.from_state_dict(many)


# Batch normalisation


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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("weight_norm", "weight normalisation's"),
        ("spectral_norm", "spectral normalisation's"),
        ("parametrizations.weight_norm", "remove_parametrizations"),
        ("parametrizations.orthogonal", "remove_parametrizations"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_what_torch_makes_of_weights_otherwise(change: str, message: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    function: Any = torch.nn.utils
    for name in change.split("."):
        function = getattr(function, name)
    layer = function(torch.nn.Linear(4, 4))
    with pytest.raises(ValueError, match=message):
        snn.from_state_dict(torch.nn.Sequential(layer).state_dict())


# Refused dictionaries


W, B = np.ones((2, 3)), np.ones(2)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "an MLP needs at least one layer"),
        ({"1.running_mean": B}, "has running_mean and running_var, and may .*, got 1.running_mean"),
        ({"0.bias": B}, r"the state_dict has 0\.bias, but no 0\.weight"),
        ({"weight_mask": W}, "the state_dict has weight_mask, but no weight"),
        ({"0.weight": np.ones((2, 3, 3, 3))}, r"0\.weight must have shape .* no linear layer"),
        ({"weight": B}, r"^weight must have shape \(n_out, n_in\), got \(2,\)"),
        ({"0.weight_orig": W}, r"0\.weight_orig comes with 0\.weight_mask and without 0\.weight"),
        ({"0.weight_orig": W, "0.weight": W, "0.weight_mask": W}, "and without .*; got 0.weight_o"),
        ({"0.weight": W, "0.weight_mask": W[:1]}, r"0\.weight_mask must hold 0 and 1 in the shape"),
        ({"0.weight": W, "0.weight_mask": W / 2}, r"0\.weight_mask must hold 0 and 1 in the shape"),
        ({"0.weight": W, "0.bias": B, "0.bias_mask": W}, r"0\.bias_mask must hold 0 and 1 in the"),
        (
            {"0.weight": W, "0.bias": W},
            r"0\.bias must have shape \(n_out,\) = \(2,\), got \(2, 3\)",
        ),
        (
            {"0.weight": W, "0.bias": np.ones(3)},
            r"if 0\.weight is \(n_in, n_out\), pass its transp",
        ),
        ({"0.weight": W, "1.weight": B, "1.bias": B}, r"1\.weight .* but of LayerNorm, PReLU"),
        (
            {"0.weight_g": B[:, None], "0.weight_v": W},
            "is weight normalisation's; call torch.*norm",
        ),
        (
            {"0.weight_orig": W, "0.weight_u": B},
            "spectral normalisation's; call torch.*before state",
        ),
        (
            {"0.parametrizations.weight.original0": B},
            r"call torch\.nn\.utils\.parametrize\.remove_par",
        ),
        ({"0.lora_A.default.weight": W}, "is LoRA's matrices, which .*merge_and_unload"),
        ({"rnn.weight_ih_l0": W}, "got 'rnn.weight_ih_l0'. Only take out what predictions do not"),
        (
            {"state_dict": {"0.weight": W}},
            r"got a mapping as 'state_dict'; pass .*state\['state_dict'\]",
        ),
        ({0: W}, "a key of the state_dict must be of type str, got 0"),
    ],
)
def test_bad_state_dicts(state: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        snn.from_state_dict(state)


class Half:
    """Stand-in for a tensor of bfloat16."""

    dtype = "torch.bfloat16"

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Got unsupported ScalarType BFloat16")


def test_a_precision_that_numpy_does_not_have() -> None:
    message = r"{} cannot be read .* BFloat16; NumPy has no bfloat16, pass .*: tensor\.float\(\)$"
    with pytest.raises(ValueError, match=message.format(r"fc\.weight")):
        snn.from_state_dict({"fc.weight": Half()})
    with pytest.raises(ValueError, match=message.format("X")):
        snn.MLP([topology.dense(2, 2)]).predict(Half())


def test_tensors_of_bfloat16() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    weight = torch.ones((2, 3), dtype=torch.bfloat16)
    with pytest.raises(ValueError, match=r"0\.weight .* pass it as float32: tensor\.float\(\)"):
        snn.from_state_dict({"0.weight": weight})
    assert snn.from_state_dict({"0.weight": weight.float()}).widths == [3, 2]
