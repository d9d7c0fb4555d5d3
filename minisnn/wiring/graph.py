"""Wiring: a directed acyclic graph between named terms, laid out by levels."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy

from .._support.arrays import Array
from .._support.extras import require
from .._support.messages import counted
from .layout import Rows, lay_out
from .parts import Names, Parts, names_of_neurons
from .selection import Dropped, dead_ends, merged, resized, restricted
from .summary import edges_by_level, level_html, level_table
from .validation import check_known, check_parts, check_terms


class Wiring:
    """A directed acyclic graph between named terms, each of one neuron or more.

    Made by the functions of `minisnn.wiring`, checked once, and never changed: its arrays are
    read-only. A term's level is the longest path that ends in it; inputs are level 0. Terms stand
    in the order of their levels, within a level as they were given, with outputs last. Neurons are
    the rows of one strictly lower triangular CSR matrix in the same order: a neuron's edges come
    from any earlier level. Between two terms that are connected, each neuron of the one has an edge
    to each neuron of the other.

    Parameters
    ----------
    terms : iterable of hashable
        Names of all terms, inputs first; no two alike.
    sources, targets : array of int, shape (n_term_edges,)
        Positions in ``terms`` of the two ends of each edge, in any order, each pair once.
    n_inputs : int
        Number of inputs. They, and no other terms, have no incoming edges.
    outputs : iterable of hashable
        Names of the outputs, at any level but that of the inputs; others may read them.
    units : array of int, shape (n_terms,), optional
        Neurons of each term; one by default. Inputs have one.
    weights : array of float, shape (n_term_edges,), optional
        A weight for each edge, such as a number of synapses, where all terms have one unit.

    Raises
    ------
    ValueError, TypeError
        If this is no such graph: names that are missing or come twice, edges that come twice,
        lead from a term to itself or close a cycle, terms that no input reaches.
    MemoryError
        If the edges do not fit into memory.

    Examples
    --------
    >>> import minisnn as snn
    >>> edges = [("a", "p"), ("b", "p"), ("b", "q"), ("p", "q")]
    >>> wiring = snn.wiring.from_edges(edges)
    >>> wiring
    Wiring(2 inputs, 1 output, 2 levels, 4 neurons, 4 edges, 1 skips a level)
    >>> wiring.terms, wiring.outputs
    (('a', 'b', 'p', 'q'), ('q',))
    >>> wiring.matrix().toarray()
    array([[0, 0, 0, 0],
           [0, 0, 0, 0],
           [1, 1, 0, 0],
           [0, 1, 1, 0]], dtype=uint8)
    """

    __slots__ = (
        "_places", "_rows", "_term_rows",
        "dropped", "level_of", "level_starts", "levels", "n_inputs", "output_neurons", "outputs",
        "row_starts", "terms", "units", "weights",
    )  # fmt: skip

    _places: dict[Hashable, int]
    _rows: Rows
    _term_rows: Rows
    dropped: Dropped | None
    """Parts that the last `restricted_to` or `collapsed` left out; None if there was none."""
    level_of: Mapping[Hashable, int]
    """Level of each term by its name."""
    level_starts: Array
    """Row at which each level begins, int64[n_levels + 2]: the inputs at 0; last the end."""
    levels: Array
    """Level of each term, int64[n_terms]."""
    n_inputs: int
    """Number of inputs, which are the first terms, and the first rows."""
    output_neurons: Names
    """Names of the outputs' neurons in their order, as `neuron_names` has them."""
    outputs: Names
    """Names of the outputs."""
    row_starts: Array
    """Row at which each term begins, int64[n_terms + 1]."""
    terms: Names
    """Names of all terms: inputs first, level by level."""
    units: Array
    """Neurons of each term, int64[n_terms]."""
    weights: Array | None
    """Weight of each edge in the order of `indices`, float64[n_edges], or None."""

    def __init__(
        self,
        terms: Iterable[Hashable],
        sources: npt.ArrayLike,
        targets: npt.ArrayLike,
        *,
        n_inputs: int,
        outputs: Iterable[Hashable],
        units: npt.ArrayLike | None = None,
        weights: npt.ArrayLike | None = None,
    ) -> None:
        parts, levels = check_parts(terms, sources, targets, n_inputs, outputs, units, weights)
        layout = lay_out(parts, levels)
        names = tuple([parts.terms[place] for place in layout.order.tolist()])
        places = {name: place for place, name in enumerate(names)}
        ends = np.array([places[name] for name in parts.outputs], dtype=np.int64)
        self._set(
            terms=names,
            outputs=parts.outputs,
            output_neurons=names_of_neurons(parts.outputs, layout.units[ends]),
            n_inputs=parts.n_inputs,
            dropped=None,
            units=layout.units,
            levels=layout.levels,
            level_of=MappingProxyType(dict(zip(names, layout.levels.tolist(), strict=True))),
            row_starts=layout.row_starts,
            level_starts=layout.level_starts,
            weights=layout.weights,
            _places=places,
            _term_rows=layout.terms,
            _rows=layout.neurons,
        )

    def _set(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Wiring is fixed: cannot set {name!r}; make a new one instead")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Wiring is fixed: cannot delete {name!r}")

    def __deepcopy__(self, memo: dict[int, Any]) -> Wiring:
        return self  # nothing in it can change

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._parts, self.dropped)

    # Terms

    @property
    def inputs(self) -> Names:
        """Names of the inputs, in the order of the columns of data."""
        return self.terms[: self.n_inputs]

    @property
    def n_levels(self) -> int:
        """Number of levels beside that of the inputs."""
        return len(self.level_starts) - 2

    @property
    def dead_ends(self) -> Names:
        """Names of terms that no output reads, neither directly nor through others."""
        return dead_ends(self._parts)

    def __contains__(self, name: Hashable) -> bool:
        return name in self._places

    # Neurons

    @property
    def n_neurons(self) -> int:
        """Number of neurons, inputs among them: rows of the matrix."""
        return int(self.level_starts[-1])

    @property
    def n_edges(self) -> int:
        """Number of edges between neurons, each of which will carry one weight."""
        return self._rows.indices.size

    @property
    def n_skips(self) -> int:
        """Number of edges that do not come from the level just before."""
        return int(edges_by_level(self._parts, self.levels, skips=True).sum())

    @property
    def indptr(self) -> Array:
        """CSR pointers by neuron, int64[n_neurons + 1]: rows of inputs are empty."""
        return self._rows.indptr

    @property
    def indices(self) -> Array:
        """Row from which each edge comes, int32[n_edges], ascending within a neuron."""
        return self._rows.indices

    def rows_of(self, name: Hashable) -> slice:
        """Return the rows of a term's neurons.

        Parameters
        ----------
        name : hashable
            Of a term.

        Raises
        ------
        ValueError
            If there is no such term.
        """
        check_known([name], self._places, "name")
        place = self._places[name]
        return slice(*self.row_starts[place : place + 2].tolist())

    def neuron_names(self) -> Names:
        """Return a name for each row: that of its term, or (term, unit) if it has several units."""
        return names_of_neurons(self.terms, self.units)

    # Other wirings

    def restricted_to(self, inputs: Iterable[Hashable]) -> Wiring:
        """Return what given inputs reach, and what of that reaches an output.

        Parameters
        ----------
        inputs : iterable of hashable
            Names of the columns of data, such as ``X.columns``, in their order. All of them
            become inputs, so that the data fits. Names that the wiring does not know are columns
            without edges.

        Returns
        -------
        Wiring
            Its `dropped` says what was left out.

        Raises
        ------
        ValueError
            If a name comes twice or is that of a term with incoming edges, or no output is
            reached.

        Warns
        -----
        UnknownInputWarning
            If the wiring does not know some of the names.

        Examples
        --------
        >>> import minisnn as snn
        >>> wiring = snn.wiring.from_edges([("a", "p"), ("b", "q"), ("p", "out"), ("q", "out")])
        >>> wiring.restricted_to(["b"]).terms
        ('b', 'q', 'out')
        """
        return _restore(*restricted(self._parts, tuple(check_terms(inputs, "inputs"))))

    def with_units(self, units: int | Mapping[Hashable, int]) -> Wiring:
        """Return the same terms with other numbers of neurons.

        Parameters
        ----------
        units : int, or mapping of names to int
            Neurons of each term that is neither input nor output; or those of some terms by their
            names, while others stay as they are.

        Returns
        -------
        Wiring

        Raises
        ------
        ValueError, TypeError
            If there is no such term, it is an input, or a number is not at least 1; if the
            wiring has weights.

        Examples
        --------
        >>> import minisnn as snn
        >>> wiring = snn.wiring.from_edges([("a", "p"), ("b", "p"), ("p", "out")])
        >>> wiring.with_units(4)
        Wiring(2 inputs, 1 output, 2 levels, 7 neurons, 12 edges, none skips a level)
        """
        return _restore(resized(self._parts, units), self.dropped)

    def collapsed(self) -> Wiring:
        """Return the wiring with each chain of terms as one term.

        Where a term is the single source of its single reader, the two become one, which has the
        name and the units of the first and the readers of the second: both stand for the same
        inputs. Inputs and outputs stay as they are. Weights, and signs, of edges within a chain are
        lost. Hierarchies are cleaned like this before they become networks, as in DCell [1]_.

        Returns
        -------
        Wiring
            Its `dropped` names the terms that were merged into others.

        References
        ----------
        .. [1] J. Ma et al., "Using deep learning to model the hierarchical structure and function
           of a cell", Nature Methods 15, 2018, doi:10.1038/nmeth.4627.

        Examples
        --------
        >>> import minisnn as snn
        >>> wiring = snn.wiring.from_edges([("a", "p"), ("b", "p"), ("p", "q"), ("q", "out")])
        >>> wiring.collapsed().terms
        ('a', 'b', 'p', 'out')
        """
        return _restore(*merged(self._parts))

    @property
    def _parts(self) -> Parts:
        begin, end = self.term_edges()
        return Parts(self.terms, begin, end, self.n_inputs, self.outputs, self.units, self.weights)

    # Other forms

    def term_edges(self) -> tuple[Array, Array]:
        """Return the positions in `terms` of sources and targets, int64[n_term_edges] each.

        They are in the order of the targets, then of the sources.
        """
        indptr, indices = self._term_rows
        return indices.astype(np.int64), np.repeat(np.arange(len(self.terms)), np.diff(indptr))

    def edges(self) -> list[tuple[Hashable, Hashable]]:
        """Return the edges between terms as pairs of names, source and target."""
        begin, end = self.term_edges()
        names = self.terms
        return [(names[s], names[t]) for s, t in zip(begin.tolist(), end.tolist(), strict=True)]

    def to_frame(self) -> Any:
        """Return the edges between terms as a DataFrame: source, target, and weight if there is.

        Raises
        ------
        ImportError
            If pandas (extra ``pandas``) is missing.
        """
        pandas = require("pandas", "pandas", "a DataFrame of edges")
        frame = pandas.DataFrame(self.edges(), columns=["source", "target"])
        return frame if self.weights is None else frame.assign(weight=self.weights)

    def matrix(self) -> scipy.sparse.csr_array:
        """Return the edges between neurons as a SciPy CSR array, (n_neurons, n_neurons).

        Row i holds the edges that end in neuron i: their weights, or ones.
        """
        values = np.ones(self.n_edges, dtype=np.uint8) if self.weights is None else self.weights
        shape = (self.n_neurons, self.n_neurons)
        return scipy.sparse.csr_array((values, self.indices, self.indptr), shape=shape)

    def summary(self) -> str:
        """Return a table of the levels, which ``print(wiring)`` shows, too."""
        return level_table(self._parts, self.levels, self.dropped)

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return level_html(repr(self), self._parts, self.levels, self.dropped)

    def __repr__(self) -> str:
        counts = {
            "input": self.n_inputs,
            "output": len(self.outputs),
            "level": self.n_levels,
            "neuron": self.n_neurons,
            "edge": self.n_edges,
        }
        listed = ", ".join([counted(number, noun) for noun, number in counts.items()])
        n = self.n_skips
        return f"Wiring({listed}, {n or 'none'} {'skips a level' if n < 2 else 'skip levels'})"

    def __eq__(self, other: object) -> bool:
        """True if both have the same terms in the same order, and the same edges and weights."""
        if not isinstance(other, Wiring):
            return NotImplemented
        return (
            self.n_inputs == other.n_inputs
            and self.terms == other.terms
            and self.outputs == other.outputs
            and all(map(np.array_equal, self._content, other._content))
        )

    def __hash__(self) -> int:
        content = tuple([part.tobytes() for part in self._content])
        return hash((self.n_inputs, self.terms, self.outputs, content))

    @property
    def _content(self) -> tuple[Array, ...]:
        weights = np.empty(0) if self.weights is None else self.weights
        return self.units, *self._term_rows, weights


def _restore(parts: Parts, dropped: Dropped | None) -> Wiring:
    """Return a wiring of checked parts."""
    wiring = Wiring(**parts._asdict())
    wiring._set(dropped=dropped)
    return wiring
