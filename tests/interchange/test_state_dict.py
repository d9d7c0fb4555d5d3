"""Networks from a state_dict of PyTorch: masks, the order of layers, bad dictionaries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from state_dicts import linear, named

import minisnn as snn
from minisnn import topology


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
