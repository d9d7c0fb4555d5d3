"""Attribution of an output to inputs and to hidden terms."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from .._support.arrays import Array
from .._support.checks import check_positive_integer
from ..network.base import SparseNetwork, check_network
from ..network.network import Network
from ..network.samples import check_inputs
from .baselines import baseline_of
from .paths import AT_END, Integrals, Paths, Rule, gauss_legendre, more_and_more
from .result import Attribution
from .tangents import Tangents
from .terms import Terms, hidden_of, inputs_of, output_of


def gradient_times_input(
    net: SparseNetwork,
    X: npt.ArrayLike,
    output: Hashable = 0,
    baseline: Any = "mean",
    *,
    input_scale: float = 1.0,
    progress: bool | None = None,
) -> Attribution:
    """Attribute an output to the inputs: the gradient at each sample times its distance.

    The attribution of input i for a sample x is (x_i - b_i) dF/dx_i at x, b being the baseline.
    With a baseline of zeros this is gradient x input [1]_. Attributions add up to F(x) - F(b) only
    if the network is linear. There is a single backward pass, while `integrated_gradients` takes
    one for each step.

    Parameters
    ----------
    net, X, output, baseline, input_scale, progress
        As for `integrated_gradients`.

    Returns
    -------
    Attribution

    Raises
    ------
    ValueError, TypeError
        As for `integrated_gradients`.

    References
    ----------
    .. [1] A. Shrikumar, P. Greenside, A. Shcherbina and A. Kundaje, "Not Just a Black Box:
       Learning Important Features Through Propagating Activation Differences", 2016,
       arXiv:1605.01713.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> net = snn.MLP([snn.topology.dense(3, 1)], output_activation="identity", seed=0)
    >>> result = snn.attribution.gradient_times_input(net, np.eye(3))
    >>> result.completeness < 1e-6
    True
    """
    paths, name = _paths(net, X, output, baseline, input_scale)
    return _by_inputs("gradient_times_input", paths, name, [AT_END], progress)


def integrated_gradients(
    net: SparseNetwork,
    X: npt.ArrayLike,
    output: Hashable = 0,
    baseline: Any = "mean",
    *,
    steps: int | None = None,
    input_scale: float = 1.0,
    progress: bool | None = None,
) -> Attribution:
    """Attribute an output to the inputs by integrated gradients.

    The attribution of input i for a sample x is the integral over alpha from 0 to 1 of
    (x_i - b_i) dF/dx_i at b + alpha (x - b), b being the baseline [1]_. Attributions of a sample
    add up to F(x) - F(b).

    Parameters
    ----------
    net : MLP or Network
        The network, which is not changed.
    X : array of numbers or bool, DataFrame, or sparse array, shape (samples, n_in)
        Samples, as for `predict`.
    output : int or hashable
        Position of an output, or its name. A whole number is a position. Of an output of several
        units each has the name (term, unit).
    baseline : "mean", or array or Series, shape (n_in,)
        What samples are compared with: the mean of X, or a value for each input as X has them.
    steps : int, optional
        Nodes of the Gauss-Legendre rule on each path, a backward pass each. By default 64, or 512
        if there are ReLUs; they are doubled for paths whose error is above a thousandth of the
        variation of the output along them, up to 4096.
    input_scale : float
        The factor on the inputs that was used in training.
    progress : bool, optional
        Whether to show a progress bar (extra ``progress``); by default where `minisnn.train` does.

    Returns
    -------
    Attribution

    Raises
    ------
    ValueError, TypeError
        If X or the baseline has the wrong shape or dtype, or holds NaN or inf, there is no such
        output, or an option is not what it must be.

    References
    ----------
    .. [1] M. Sundararajan, A. Taly and Q. Yan, "Axiomatic Attribution for Deep Networks", ICML
       2017, arXiv:1703.01365.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> edges = [("a", "p"), ("b", "p"), ("b", "q"), ("p", "case"), ("q", "case")]
    >>> net = snn.Network(snn.wiring.from_edges(edges), activation="tanh", seed=0)
    >>> X = np.random.default_rng(0).standard_normal((50, 2))
    >>> result = snn.attribution.integrated_gradients(net, X, "case")
    >>> difference = net.predict(X)[:, 0] - net.predict(X.mean(axis=0, keepdims=True))[0, 0]
    >>> np.allclose(result.values.sum(axis=1), difference, atol=1e-5)
    True
    """
    paths, name = _paths(net, X, output, baseline, input_scale)
    return _by_inputs("integrated_gradients", paths, name, _rules(net, steps), progress)


def conductance(
    net: SparseNetwork,
    X: npt.ArrayLike,
    output: Hashable = 0,
    baseline: Any = "mean",
    *,
    steps: int | None = None,
    input_scale: float = 1.0,
    progress: bool | None = None,
) -> Attribution:
    """Attribute an output to the hidden terms by their conductance.

    The conductance of a neuron with the activation a is the integral over alpha from 0 to 1 of
    dF/da da/dalpha along the path of `integrated_gradients`: the part of F(x) - F(b) that flows
    through it [1]_. It is computed as dF/dz dz/dalpha, z being the pre-activation, which is the
    same. That of a term is the sum over its units.

    Conductances of the terms of one level add up to F(x) - F(b) if no edge skips that level. If
    some do, the level's sum lacks what flows through these edges. All terms have one but the
    inputs, the output itself, and outputs that nothing reads. Names of an `MLP` are
    "layer.neuron", such as "1.0".

    Parameters
    ----------
    net, X, output, baseline, steps, input_scale, progress
        As for `integrated_gradients`.

    Returns
    -------
    Attribution
        Its `completeness` is the error of the same integrals for the inputs.

    Raises
    ------
    ValueError, TypeError
        As for `integrated_gradients`; and if the network has no hidden terms.

    References
    ----------
    .. [1] K. Dhamdhere, M. Sundararajan and Q. Yan, "How Important Is a Neuron?", ICLR 2019,
       arXiv:1805.12233. That one backward pass per node is enough: A. Shrikumar, J. Su and A.
       Kundaje, "Computationally Efficient Measures of Internal Neuron Importance", 2018,
       arXiv:1807.09946.

    Examples
    --------
    >>> import numpy as np
    >>> import minisnn as snn
    >>> edges = [("a", "p"), ("b", "p"), ("b", "q"), ("p", "case"), ("q", "case")]
    >>> wiring = snn.wiring.from_edges(edges).with_units(2)
    >>> net = snn.Network(wiring, activation="tanh", seed=0)
    >>> result = snn.attribution.conductance(net, np.eye(2), "case")
    >>> result.names, result.values.shape, result.of_units("p").shape
    (('p', 'q'), (2, 2), (2, 2))
    >>> np.allclose(result.values.sum(axis=1), result.differences, atol=1e-5)
    True
    """
    paths, name = _paths(net, X, output, baseline, input_scale)
    terms = hidden_of(net, paths.position)
    tangents = Tangents(paths.net.structure, paths.net.parameters)

    def integrand(A: Array, dZ: Array, directions: Array) -> Array:
        return np.asarray(dZ[terms.rows] * tangents.along(A, directions)[terms.rows])

    found = paths.integrate(integrand, len(terms.rows), _rules(net, steps), progress)
    return _attribution("conductance", paths, name, terms, found)


def _by_inputs(
    method: str, paths: Paths, output: Hashable, rules: Iterable[Rule], progress: bool | None
) -> Attribution:
    n_in, taken = paths.net.n_in, paths.net.structure.inputs

    def integrand(A: Array, dZ: Array, directions: Array) -> Array:
        products = dZ[: len(directions)] * directions
        if taken is None:
            return products
        of_all = np.zeros((n_in, products.shape[1]))
        of_all[taken] = products
        return of_all

    found = paths.integrate(integrand, n_in, rules, progress)
    return _attribution(method, paths, output, inputs_of(paths.net), found)


def _paths(
    net: Any, X: npt.ArrayLike, output: Any, baseline: Any, scale: float
) -> tuple[Paths, Hashable]:
    """Return the paths of checked arguments, and the name of the output.

    They are those of the network without batch normalisation that predicts the same.
    """
    position, name = output_of(check_network(net), output)
    if isinstance(net, Network):
        net = net.folded()
    samples = check_inputs(net, X, scale)
    net.check_values(samples)
    return Paths(net, samples, baseline_of(net, samples, baseline), position), name


def _rules(net: SparseNetwork, steps: int | None) -> Iterable[Rule]:
    if steps is None:
        return more_and_more(net.structure)
    return [gauss_legendre(check_positive_integer(steps, "steps"))]


def _attribution(
    method: str, paths: Paths, output: Hashable, terms: Terms, found: Integrals
) -> Attribution:
    return Attribution(
        method,
        output,
        terms.names,
        terms.levels,
        found.values,
        terms.starts,
        paths.baseline,
        found.totals,
        found.ends - found.begin,
        found.steps,
    )
