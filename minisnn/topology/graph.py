"""The bipartite graph between two layers, fixed before training."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from .._support.arrays import Array, frozen
from .._support.checks import MOST_BITS, as_array, check_kind
from .._support.columns import Names, check_names
from .._support.messages import shown
from .validation import check_complete, check_structure, check_widths


class Topology:
    """A fixed bipartite graph from ``n_in`` left to ``n_out`` right neurons.

    Made by the functions of `minisnn.topology`, checked once, and never changed: its arrays are
    read-only. It has no weights. Its edges have one order everywhere, by output neuron and then by
    input neuron, which is the CSR order of the weight matrix W in Z = W X; the weights of a layer
    follow the same order.

    Parameters
    ----------
    n_in, n_out : int
        Number of left (input) and right (output) neurons.
    indptr : array of int, shape (n_out + 1,)
        Edges ``indptr[i]`` to ``indptr[i + 1] - 1`` end in output neuron i.
    indices : array of int, shape (n_edges,)
        Input neuron of each edge, strictly ascending within an output neuron.
    name : str
        Name of the construction.
    parameters : mapping of str to int or float, optional
        Arguments of the construction beside the widths: degree, seed.

    Raises
    ------
    ValueError, TypeError
        If the arrays are not such a structure.

    Examples
    --------
    >>> import minisnn as snn
    >>> graph = snn.topology.regular_rotating(4, 4, degree=2)
    >>> graph
    Topology(regular_rotating, 4 -> 4, degree=2, n_edges=8, density=50 %)
    >>> graph.to_dense()
    array([[1, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 1],
           [1, 0, 0, 1]], dtype=uint8)
    """

    __slots__ = (
        "_generator", "_indices", "_indptr", "_name", "_parameters",
        "input_names", "n_in", "n_out", "output_names",
    )  # fmt: skip

    n_in: int
    n_out: int
    _indptr: Array
    _indices: Array | None  # None for the complete graph, whose edges need no list
    _name: str
    _parameters: dict[str, int | float]
    _generator: Array | None
    input_names: Names | None
    """Names of its left neurons, from a frame passed to `topology.from_dense`, or None."""
    output_names: Names | None
    """The same of its right neurons."""

    def __init__(
        self,
        n_in: int,
        n_out: int,
        indptr: npt.ArrayLike,
        indices: npt.ArrayLike,
        *,
        name: str = "custom",
        parameters: Mapping[str, int | float] | None = None,
    ) -> None:
        n_in, n_out = check_widths(n_in, n_out)
        pointers, inputs = as_array(indptr, "indptr"), as_array(indices, "indices")
        check_structure(n_in, n_out, pointers, inputs)
        complete = inputs.size == n_in * n_out
        self._set(
            n_in=n_in,
            n_out=n_out,
            _indptr=frozen(pointers.astype(np.int64)),
            _indices=None if complete else frozen(inputs.astype(_narrowest(n_in))),
            **_description(name, parameters),
            _generator=None,
            input_names=None,
            output_names=None,
        )

    @classmethod
    def complete(cls, n_in: int, n_out: int) -> Topology:
        """Return the complete graph, without ever listing its edges."""
        n_in, n_out = check_widths(n_in, n_out)
        check_complete(n_in, n_out)
        graph = cls.__new__(cls)
        graph._set(
            n_in=n_in,
            n_out=n_out,
            _indptr=frozen(np.arange(n_out + 1, dtype=np.int64) * n_in),
            _indices=None,
            _name="dense",
            _parameters={},
            _generator=None,
            input_names=None,
            output_names=None,
        )
        return graph

    def with_generator(self, places: Array) -> Topology:
        """Return the same graph, described by the places of the ones that its first row has.

        Parameters
        ----------
        places : array of int, shape (k,)
            In ascending order. Left neuron i must have edges to (places + i) modulo n_out.

        Raises
        ------
        ValueError
            If rotating these places does not give this graph.
        """
        ones = as_array(places, "places")
        if ones.ndim != 1 or ones.dtype.kind not in "ui" or not _is_rotated(self, ones):
            raise ValueError(f"{self} does not rotate ones at {shown(places)}")
        graph = copy.copy(self)
        graph._set(_generator=frozen(ones.astype(np.uint32)))
        return graph

    def _sharing(self, indices: Array) -> Topology:
        """Return the same graph, with this array in the place of its own indices if it is equal.

        It must be read-only. So a network has its edges once, for its graphs and its kernels.
        """
        own = self._indices
        if own is None or own.dtype != indices.dtype or indices.flags.writeable:
            return self
        if own is indices or not np.array_equal(own, indices):
            return self
        graph = copy.copy(self)
        graph._set(_indices=indices)
        return graph

    def with_names(
        self, input_names: Sequence[str] | None, output_names: Sequence[str] | None
    ) -> Topology:
        """Return the same graph with names for its neurons.

        Parameters
        ----------
        input_names, output_names : sequence of str, or None
            A name for each left, and for each right neuron; no two alike.

        Raises
        ------
        ValueError, TypeError
            If there is not one name for each neuron, a name comes twice, or one is not text.
        """
        graph = copy.copy(self)
        for side, names, n in (
            ("input_names", input_names, self.n_in),
            ("output_names", output_names, self.n_out),
        ):
            graph._set(**{side: None if names is None else check_names(names, n, side)})
        return graph

    def _set(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Topology is fixed: cannot set {name!r}; make a new one instead")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Topology is fixed: cannot delete {name!r}")

    def __copy__(self) -> Topology:
        graph = type(self).__new__(type(self))
        graph._set(**{name: getattr(self, name) for name in self.__slots__})
        return graph

    def __deepcopy__(self, memo: dict[int, Any]) -> Topology:
        return self  # nothing in it can change

    def __reduce__(self) -> tuple[Any, ...]:
        about = self._name, self._parameters, self._generator, self.input_names, self.output_names
        return _restore, (self.n_in, self.n_out, self._indptr, self._indices, *about)

    # Description

    @property
    def name(self) -> str:
        """Name of the construction, such as ``"fibonacci_rotating"``."""
        return self._name

    @property
    def parameters(self) -> dict[str, int | float]:
        """Arguments of the construction beside the widths."""
        return dict(self._parameters)

    @property
    def generator(self) -> Array | None:
        """Places of the ones in the rotated vector, uint32[k]; None if it does not rotate."""
        return self._generator

    @property
    def indptr(self) -> Array:
        """CSR pointers by output neuron, int64[n_out + 1], read-only."""
        return self._indptr

    @property
    def indices(self) -> Array:
        """Input neuron of each edge, uint32[n_edges], a read-only copy of `compact_indices`."""
        return frozen(self.compact_indices.astype(np.uint32))

    @property
    def compact_indices(self) -> Array:
        """Input neuron of each edge in as few bytes as will do: uint16[n_edges], or uint32.

        Read-only; made anew if complete. Sums of uint16 overflow: for arithmetic take `indices`.
        """
        if self._indices is None:
            inputs = np.arange(self.n_in, dtype=_narrowest(self.n_in))
            return frozen(np.tile(inputs, self.n_out))
        return self._indices

    @property
    def shape(self) -> tuple[int, int]:
        """(n_in, n_out)."""
        return self.n_in, self.n_out

    # Edges and degrees

    @property
    def n_edges(self) -> int:
        """Number of edges, each of which will carry one weight."""
        return int(self._indptr[-1])

    @property
    def density(self) -> float:
        """Edges as a share of those of the complete graph, 0 to 1."""
        return self.n_edges / (self.n_in * self.n_out)

    @property
    def in_degrees(self) -> Array:
        """Number of edges that end in each output (right) neuron, int64[n_out]."""
        return np.diff(self._indptr)

    @property
    def out_degrees(self) -> Array:
        """Number of edges that begin in each input (left) neuron, int64[n_in]."""
        if self.is_complete:
            return np.full(self.n_in, self.n_out)
        return np.bincount(self.compact_indices, minlength=self.n_in)

    @property
    def degree(self) -> float:
        """Mean number of edges per input (left) neuron: the paper's degree."""
        return self.n_edges / self.n_in

    @property
    def isolated_inputs(self) -> Array:
        """Input neurons without an edge, in ascending order."""
        return np.flatnonzero(self.out_degrees == 0)

    @property
    def isolated_outputs(self) -> Array:
        """Output neurons without an edge, in ascending order."""
        return np.flatnonzero(self.in_degrees == 0)

    @property
    def is_complete(self) -> bool:
        """True if every possible edge is present."""
        return self._indices is None

    # Conversions

    def edges(self) -> Array:
        """Return the edges as (input neuron, output neuron), int64[n_edges, 2], in edge order."""
        targets = np.repeat(np.arange(self.n_out), self.in_degrees)
        return np.stack([self.compact_indices.astype(np.int64), targets], axis=1)

    def to_scipy(self) -> scipy.sparse.csc_array:
        """Return the biadjacency matrix, (n_in, n_out) of ones, as a SciPy CSC array.

        CSC of (n_in, n_out) is CSR by output neuron: the entries keep the edges' order.
        """
        ones = np.ones(self.n_edges, dtype=np.uint8)
        return scipy.sparse.csc_array(
            (ones, self.compact_indices.astype(np.int64), self._indptr), shape=self.shape
        )

    def to_dense(self) -> Array:
        """Return the biadjacency matrix, (n_in, n_out) of 0 and 1, as a dense uint8 array."""
        return np.asarray(self.to_scipy().toarray())

    def __eq__(self, other: object) -> bool:
        """True if both are the same graph, whatever their constructions."""
        if not isinstance(other, Topology):
            return NotImplemented
        return (
            self.shape == other.shape
            and np.array_equal(self._indptr, other._indptr)
            and (self.is_complete or np.array_equal(self.compact_indices, other.compact_indices))
        )

    def __hash__(self) -> int:
        edges = b"" if self._indices is None else self._indices.tobytes()
        return hash((self.shape, self._indptr.tobytes(), edges))

    def __repr__(self) -> str:
        parameters = "".join(f", {key}={value}" for key, value in self._parameters.items())
        return (
            f"Topology({self.name}, {self.n_in} -> {self.n_out}{parameters}, "
            f"n_edges={self.n_edges}, density={100 * self.density:.3g} %)"
        )


def _restore(
    n_in: int,
    n_out: int,
    indptr: Array,
    indices: Array | None,
    name: str,
    parameters: Mapping[str, int | float],
    generator: Array | None,
    input_names: Names | None = None,
    output_names: Names | None = None,
) -> Topology:
    """Return a pickled graph, checked like any other."""
    if indices is None:
        graph = Topology.complete(n_in, n_out)
        graph._set(**_description(name, parameters))
    else:
        graph = Topology(n_in, n_out, indptr, indices, name=name, parameters=parameters)
    if generator is not None:
        graph = graph.with_generator(generator)
    return graph.with_names(input_names, output_names)


def _description(name: Any, parameters: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the attributes by which a graph describes itself, as any file format can hold them."""
    numbers: dict[str, int | float] = {}
    for key, value in check_kind(
        {} if parameters is None else parameters, Mapping, "parameters"
    ).items():
        if not (
            isinstance(key, str)
            and key.isprintable()
            and isinstance(value, Real)
            and _is_finite(value)
        ):
            raise ValueError(
                "parameters must be finite numbers by their names, got "
                f"{shown(key)}: {shown(value)}"
            )
        numbers[key] = int(value) if isinstance(value, Integral) else float(value)
    if not check_kind(name, str, "name").isprintable():  # it is printed, and drawn
        raise ValueError(f"name must be a text that can be printed, got {shown(name)}")
    return {"_name": name, "_parameters": numbers}


def _is_finite(value: Real) -> bool:
    if isinstance(value, Integral):
        return int(value).bit_length() <= MOST_BITS
    return math.isfinite(value)


def _is_rotated(graph: Topology, places: Array) -> bool:
    """Return whether each left neuron i has edges to (places + i) modulo n_out, and no others."""
    if places.size == 0 or places.min() < 0 or places.max() >= graph.n_out:
        return False
    is_place = np.zeros(graph.n_out, dtype=bool)
    is_place[places] = True
    inputs, outputs = graph.edges().T
    return bool(
        (places[1:] > places[:-1]).all()
        and graph.n_edges == graph.n_in * places.size
        and is_place[(outputs - inputs) % graph.n_out].all()
    )


def _narrowest(n_in: int) -> Any:
    """The smallest dtype that holds the number of every input."""
    return np.uint16 if n_in <= 2**16 else np.uint32
