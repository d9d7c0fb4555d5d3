"""Networks of named wirings in PyTorch as a loop over their terms, as DrugCell trains them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minisnn.kernels.functions.normalisation import EPSILON
from minisnn.kernels.functions.normalisation import MOMENTUM as SHARE

from .wired_torch import TorchSide, torch


@dataclass(frozen=True)
class Term:
    """A term, or an output: where its parts stand.

    Attributes
    ----------
    place
        Number of the term in the wiring.
    inputs
        Tensor of the numbers of the inputs that it reads.
    children
        Numbers of the terms that it reads, in their order.
    n_units, n_sources
        Neurons, and neurons that each of them reads.
    row
        Its first neuron within its group.
    weights
        Position of its weights among all parameters: neuron by neuron, the inputs first.
    """

    place: int
    inputs: Any
    children: list[int]
    n_units: int
    n_sources: int
    row: int
    weights: int


class _Loop(TorchSide):
    """A small matrix for each term."""

    def __init__(self, *arguments: Any) -> None:
        self.terms: dict[int, list[Term]] = {}  # by group
        super().__init__(*arguments)

    def build(self) -> None:
        """Find the terms of each group."""
        wiring, structure = self.task.wiring, self.structure
        n_inputs, starts, units = wiring.n_inputs, wiring.row_starts, wiring.units
        sources, targets = wiring.term_edges()
        bounds = np.searchsorted(targets, np.arange(len(wiring.terms) + 1))
        for number, group in structure.summing:
            first, last = np.searchsorted(starts, structure.rows[number : number + 2])
            indptr = group.graph.rows()[0]
            self.terms[number] = []
            for place in range(first, last):
                read = sources[bounds[place] : bounds[place + 1]]
                row = int(starts[place]) - structure.rows[number]
                self.terms[number].append(
                    Term(
                        place=place,
                        inputs=torch.from_numpy(read[read < n_inputs]),
                        children=read[read >= n_inputs].tolist(),
                        n_units=int(units[place]),
                        n_sources=int(units[read].sum()),
                        row=row,
                        weights=structure.weights[number] + int(indptr[row]),
                    )
                )

    def n_weights(self) -> int:
        """Return the number of edges."""
        return sum(t.n_units * t.n_sources for terms in self.terms.values() for t in terms)


class Modules(_Loop):
    """A Linear, a BatchNorm1d and a tanh for each term, as DrugCell and cellmaps_vnn have them.

    These also give each term a dense matrix over all genes; here it takes its columns of X.
    """

    name = "PyTorch, modules term by term"

    def build(self) -> None:
        """Make the modules."""
        super().build()
        self.linear: dict[int, Any] = {}
        self.normal: dict[int, Any] = {}
        kind, structure = self.first.dtype, self.structure
        for number, group in structure.summing:
            _, biases = structure.parts(self.first, number)
            for term in self.terms[number]:
                n, rows = term.n_units, slice(term.row, term.row + term.n_units)
                W = self.first[term.weights : term.weights + n * term.n_sources]
                linear = torch.nn.Linear(term.n_sources, n, bias=group.normal is None, dtype=kind)
                linear.weight = self.trained(W.view(n, term.n_sources), term.weights)
                shift = self.trained(biases[rows], structure.biases[number] + term.row)
                self.linear[term.place] = linear
                if group.normal is None:
                    linear.bias = shift
                    continue
                normal = torch.nn.BatchNorm1d(n, eps=EPSILON, momentum=SHARE, dtype=kind)
                gains = structure.normal_parts(self.first, number)[0]
                normal.weight = self.trained(gains[rows], structure.gains[number] + term.row)
                normal.bias = shift
                normal.running_mean, normal.running_var = (
                    moment[rows] for moment in self.moments[number]
                )
                self.normal[term.place] = normal

    def outputs(self, X: Any) -> Any:
        """Return the outputs before their sigmoids."""
        values: dict[int, Any] = {}
        sums = []
        for terms in self.terms.values():
            for term in terms:
                read = [X[:, term.inputs]] if len(term.inputs) else []
                read += [values[child] for child in term.children]
                Z = self.linear[term.place](torch.cat(read, 1))
                if term.place in self.normal:
                    values[term.place] = torch.tanh(self.normal[term.place](Z))
                else:
                    sums.append(Z)
        return torch.cat(sums, 1)


class LevelWise(_Loop):
    """A product for each term; all else of a level at once, and all parameters in one vector."""

    name = "PyTorch, products term by term"

    def build(self) -> None:
        """Find out into which parts the vector of all parameters is cut."""
        super().build()
        self.vector = self.trained(self.first, 0)
        self.sizes: list[int] = []
        for number, group in self.structure.summing:
            self.sizes += [term.n_units * term.n_sources for term in self.terms[number]]
            self.sizes += [group.n_rows]
            self.sizes += [group.n_rows, 2 * group.n_rows] if group.normal is not None else []
        all_terms = [term for terms in self.terms.values() for term in terms]
        self.inputs = torch.cat([term.inputs for term in all_terms])
        self.n_read = [len(term.inputs) for term in all_terms]

    def outputs(self, X: Any) -> Any:
        """Return the outputs before their sigmoids."""
        parts = iter(self.vector.split(self.sizes))
        inputs = iter(X.t().contiguous().index_select(0, self.inputs).split(self.n_read))
        values: dict[int, Any] = {}
        sums = []
        for number, terms in self.terms.items():
            products = []
            for term in terms:
                x = next(inputs)
                read = [x] if len(x) else []
                read += [values[child] for child in term.children]
                W = next(parts).view(term.n_units, term.n_sources)
                products.append(W @ (torch.cat(read) if len(read) > 1 else read[0]))
            Z, biases = torch.cat(products), next(parts)
            if self.structure.groups[number].normal is None:
                sums.append(Z + biases[:, None])
                continue
            gains, _ = next(parts), next(parts)
            A = self.activated(number, Z, gains, biases)
            for term, value in zip(terms, A.split([term.n_units for term in terms]), strict=True):
                values[term.place] = value
        return torch.cat(sums).t()
