"""Seeds: each becomes a number, which is kept, shown and saved, and is reproducible."""

from __future__ import annotations

import copy
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minisnn as snn
from minisnn import baselines, topology
from minisnn._support.archive import FileFormatError, write_archive
from minisnn._support.files import replace_file
from minisnn._support.seeds import Seed, layer_seeds, seed_of, spawned, word_of
from minisnn.interchange.network_file import packed
from minisnn.training.checkpoint import recorded

pytestmark = pytest.mark.usefixtures("fresh_seeds")

WHOLE = st.one_of(st.integers(0, 2**32), st.integers(0, 2**256))
X = np.random.default_rng(0).random((40, 8), dtype=np.float32)
Y = np.arange(40) % 3


def graph_of(name: str) -> Callable[[Seed], snn.Topology]:
    return lambda seed: topology.make(name, 36, 48, 12, seed)


def network(seed: Seed) -> snn.MLP:
    return snn.MLP([topology.dense(8, 3)], seed=seed)


def training(seed: Seed) -> snn.MLP:
    """Return a network; of a training, with which its seed has nothing to do, the end."""
    net = network(0)
    history = snn.train(
        net, X, Y, optimizer=snn.SGD(0.5), epochs=2, batch_size=7, dropout=0.3, seed=seed
    )
    assert history.seed is not None
    return snn.MLP.from_parameters(net.topologies, net.parameters, seed=history.seed)


def masks(seed: Seed) -> snn.MLP:
    net = network(0)
    _, gradients = net.loss_and_gradients(X, Y, dropout=0.3, seed=seed)
    return snn.MLP.from_parameters(net.topologies, gradients.parameters, seed=gradients.seed)


def reparametrised(seed: Seed) -> snn.MLP:
    net = baselines.Reparametrised([baselines.LowRank(8, 3, 2)], seed=seed)
    return snn.MLP.from_parameters([topology.dense(8, 3)], net.expanded.parameters, seed=net.seed)


def hashed(seed: Seed) -> snn.MLP:
    """Return a network; of a hash, that says which entries share weights, what it makes of them."""
    f = baselines.Hashed(8, 3, 6, seed=seed)
    weights = f.expand(np.arange(1.0, 7)).ravel()
    return snn.MLP.from_parameters(
        [topology.dense(8, 3)], np.concatenate([weights, np.zeros(3)]), seed=f.seed
    )


RANDOM = [name for name in topology.names() if "seed" in topology.registry.option_names(name)]
MAKERS: dict[str, Callable[[Seed], Any]] = {
    **{name: graph_of(name) for name in RANDOM},
    "n_of_m": lambda seed: topology.n_of_m(36, 48, 2, 4, seed=seed),
    "network": network,
    "training": training,
    "masks": masks,
    "reparametrised": reparametrised,
    "hashed": hashed,
}


def seed_in(made: Any) -> Any:
    return made.parameters["seed"] if isinstance(made, snn.Topology) else made.seed


def bits_of(made: Any) -> bytes:
    array = made.edges() if isinstance(made, snn.Topology) else made.parameters
    return array.tobytes()


# The number


@given(WHOLE)
def test_a_number_stands_for_itself(number: int) -> None:
    assert seed_of(number) == number
    assert seed_of(np.random.SeedSequence(number)) == number
    if number < 2**63:
        assert type(seed_of(np.int64(number))) is int


@given(WHOLE, st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=3))
def test_a_sequence_of_more_than_a_number_is_hashed(number: int, key: list[int]) -> None:
    child = np.random.SeedSequence(number, spawn_key=key)
    assert seed_of(child) == seed_of(child) == seed_of(copy.deepcopy(child))
    assert seed_of(child) != number
    assert seed_of(child) != seed_of(np.random.SeedSequence(number, spawn_key=[*key, 0]))


def test_other_sequences_are_hashed() -> None:
    several = np.random.SeedSequence([1, 2, 3]), np.random.SeedSequence(1, pool_size=8)
    assert all(seed_of(sequence).bit_length() > 100 for sequence in several)
    first, second = np.random.SeedSequence(1).spawn(2)
    assert len({seed_of(first), seed_of(second), 1}) == 3


def test_a_generator_gives_another_seed_at_each_call() -> None:
    rng, twin = np.random.default_rng(5), np.random.default_rng(5)
    seeds = [seed_of(rng) for _ in range(3)]
    assert len(set(seeds)) == 3
    assert seeds == [seed_of(twin) for _ in range(3)]
    assert seed_of(np.random.Generator(np.random.MT19937(1))).bit_length() > 90


@pytest.mark.usefixtures("fresh_seeds")
def test_fresh_seeds_are_fresh() -> None:
    """In this process and in another."""
    code = "from minisnn._support.seeds import seed_of; print(seed_of(None), seed_of(None))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    numbers = {seed_of(None), seed_of(None), *map(int, done.stdout.split())}
    assert len(numbers) == 4
    assert min(numbers) > 2**100
    assert max(numbers) < 2**128


@given(WHOLE, st.integers(1, 9))
def test_spawned_seeds_differ_and_are_those_of_numpy(seed: int, n: int) -> None:
    seeds = spawned(seed, n)
    assert len({*seeds, seed}) == n + 1
    assert seeds == spawned(seed, n + 1)[:n], "a further layer changes no other"
    assert seeds == [seed_of(child) for child in np.random.SeedSequence(seed).spawn(n)]


def test_the_first_layer_has_the_seed_itself() -> None:
    assert layer_seeds(7, 3) == [7, *spawned(7, 2)]
    assert layer_seeds(7, 1) == [7]


@given(WHOLE)
def test_words_are_small_seeds_themselves(seed: int) -> None:
    word = word_of(seed)
    assert 0 <= word < 2**32
    assert (word == seed) == (seed < 2**32)


def test_words_of_large_seeds_use_all_bits() -> None:
    words = {word_of(2**k) for k in range(32, 3000)}
    assert len(words) > 2960


@pytest.mark.parametrize("bad", [True, 1.0, "1", [1], np.random.RandomState(0), np.random.PCG64(0)])
def test_what_is_no_seed(bad: Any) -> None:
    with pytest.raises(TypeError, match="seed must be a whole number, a SeedSequence, a Generator"):
        seed_of(bad)


def test_numbers_that_are_no_seeds() -> None:
    with pytest.raises(ValueError, match="seeds must be at least 0, got -1"):
        seed_of(-1, "seeds")
    with pytest.raises(ValueError, match="seed may have 8192 bits at most, got 109"):
        seed_of(2**8192)


# Objects made with a seed


@pytest.mark.parametrize("name", MAKERS)
def test_every_kind_of_seed_is_kept_and_gives_the_same_again(name: str) -> None:
    make = MAKERS[name]
    for seed in (None, 3, 2**32, 2**200, np.random.SeedSequence(3), np.random.default_rng(3)):
        made = make(seed)
        number = seed_in(made)
        assert type(number) is int
        assert bits_of(make(number)) == bits_of(made)
        assert seed_in(make(number)) == number
        assert f"seed={number}" in repr(made)
        assert pickle.loads(pickle.dumps(made)) == made or not isinstance(made, snn.Topology)
        assert seed_in(pickle.loads(pickle.dumps(made))) == seed_in(copy.deepcopy(made)) == number
    assert bits_of(make(3)) == bits_of(make(np.random.SeedSequence(3)))
    assert bits_of(make(None)) != bits_of(make(None))
    rng = np.random.default_rng(3)
    first, second = make(rng), make(rng)
    assert bits_of(first) != bits_of(second)
    child, other = np.random.SeedSequence(3).spawn(2)
    assert bits_of(make(child)) != bits_of(make(other))


def test_a_generator_is_not_drawn_from_where_the_call_is_refused() -> None:
    rng = np.random.default_rng(3)
    before = rng.bit_generator.state
    calls: list[Callable[[], object]] = [
        lambda: topology.biregular(8, 8, 9, seed=rng),
        lambda: topology.scattered(8, 8, 65, seed=rng),
        lambda: snn.MLP([topology.dense(8, 3)], seed=rng, initializer="none"),
        lambda: network(0).loss_and_gradients(X, Y, dropout=2.0, seed=rng),
        lambda: snn.train(network(0), X, Y, optimizer=snn.SGD(0.1), epochs=0, seed=rng),
        lambda: baselines.Reparametrised([], seed=rng),
    ]
    for call in calls:
        with pytest.raises(ValueError):  # noqa: PT011 - each has its own
            call()
    assert rng.bit_generator.state == before


def test_the_seed_of_the_weights_is_saved(tmp_path: Path) -> None:
    for seed in (7, 2**127 + 1, 2**8191):
        net = snn.MLP([topology.biregular(8, 6, 2, seed=seed), topology.dense(6, 3)], seed=seed)
        snn.save(net, tmp_path / "model.npz")
        twin = snn.load(tmp_path / "model.npz")
        assert twin.seed == twin.topologies[0].parameters["seed"] == seed
        assert repr(twin) == repr(net)
        assert (snn.MLP(twin.topologies, seed=twin.seed).parameters == net.parameters).all()
    unknown = snn.MLP.from_parameters(net.topologies, net.parameters)
    snn.save(unknown, tmp_path / "model.npz")
    assert snn.load(tmp_path / "model.npz").seed is None
    assert "seed" not in repr(unknown)


# Layers of a network


def test_two_layers_of_one_random_graph_are_a_warning() -> None:
    for name in RANDOM:
        graphs = [topology.make(name, 24, 24, 12, seed) for seed in (1, 1, 2, 1)]
        with pytest.warns(snn.RepeatedGraphWarning, match="layers 1 and 2, 1 and 4, 2 and 4 have"):
            snn.MLP([*graphs, topology.dense(24, 3)], seed=0)


def test_layers_that_are_alike_without_chance_are_none() -> None:
    ring = topology.fibonacci_rotating(24, 24, 6)
    own = topology.from_edges(24, 24, topology.biregular(24, 24, 3, seed=0).edges())
    full = [topology.biregular(24, 24, 24, seed=0)] * 2
    snn.MLP([ring, ring, own, own, *full, topology.dense(24, 24), topology.dense(24, 24)], seed=0)
    snn.MLP([topology.biregular(24, 24, 3) for _ in range(4)], seed=0)


def test_dead_neurons_are_one_warning() -> None:
    graphs = [
        topology.from_edges(3, 4, [(0, 0), (1, 1)]),
        topology.from_edges(4, 3, [(0, 0), (1, 1)]),
    ]
    with pytest.warns(snn.DeadNeuronWarning) as caught:
        snn.MLP(graphs, seed=0)
    assert [str(warning.message) for warning in caught] == [
        "layer 1: 2 of 4 hidden neurons have no input; layer 1: 2 of 4 hidden neurons have no "
        "output; layer 2: 1 of 3 output neurons have no input. They are dead: no training can make "
        "them useful. Take a higher degree, another topology, or fewer neurons."
    ]
    assert caught[0].filename == __file__


# Checkpoints


def interrupted(
    path: Path, seed: Seed, initial: int = 1, **options: Any
) -> tuple[snn.MLP, snn.History]:
    net = network(initial)
    history = snn.train(
        net, X, Y, optimizer=snn.SGD(0.5), epochs=4, batch_size=7, dropout=0.2, seed=seed,
        checkpoint=path, **options,
    )  # fmt: skip
    return net, history


@pytest.mark.parametrize("seed", [None, 9, 2**100])
def test_a_resumed_training_takes_the_seed_of_its_checkpoint(tmp_path: Path, seed: Seed) -> None:
    whole_path, path = tmp_path / "whole.npz", tmp_path / "half.npz"

    def keep(_: snn.MLP, epoch: snn.Epoch) -> None:
        if epoch.epoch == 2:
            shutil.copy(whole_path, path)

    whole, known = interrupted(whole_path, seed, checkpoint_every=0.0, callbacks=[keep])
    resumed, history = interrupted(path, None, resume=True, initial=2)
    assert history.seed == known.seed
    assert (resumed.parameters == whole.parameters).all()
    assert resumed.seed == whole.seed == 1, "as the weights are"
    with pytest.raises(FileFormatError, match=f"call has 5, the checkpoint has {known.seed}"):
        interrupted(path, 5, resume=True)


def test_reparametrised_networks_get_the_seed_of_their_checkpoint(tmp_path: Path) -> None:
    seeds = []
    for seed in (3, 4):
        net = baselines.Reparametrised([baselines.LowRank(8, 3, 2)], seed=seed)
        baselines.train_reparametrised(
            net, X, Y, optimizer=snn.SGD(0.5), epochs=1, checkpoint=tmp_path / "file", resume=True
        )
        seeds.append(net.seed)
    assert seeds == [3, 3]


@pytest.mark.parametrize("seed", [-1, 0.5, True, "one"])
def test_forged_seeds(tmp_path: Path, seed: Any) -> None:
    header, arrays = packed(network(1))
    for kind, content, names in (
        ("network", header | {"seed": seed}, arrays),
        ("checkpoint", {"fingerprint": {"seed": str(seed)}}, {}),
    ):
        with replace_file(tmp_path / "file") as file:
            write_archive(file, kind, {"network": 2, "checkpoint": 1}[kind], content, names)
        with pytest.raises(FileFormatError, match=f"is not a {kind} saved by minisnn"):
            (snn.load if kind == "network" else recorded)(tmp_path / "file")


def test_without_a_checkpoint_there_is_a_fresh_seed(tmp_path: Path) -> None:
    _, history = interrupted(tmp_path / "training.npz", None, resume=True)
    assert history.seed is not None
    _, again = interrupted(tmp_path / "training.npz", None, resume=True)
    assert again.seed == history.seed
