"""Attribution: the share of each input, or of each hidden term, in an output of a network.

`integrated_gradients` and `gradient_times_input` attribute an output to the inputs, `conductance`
to the hidden terms. All compare samples with a baseline. In theory the integrated gradients of a
sample add up to the difference between its output and the baseline's; `Attribution.completeness` is
the error. `minisnn.plots.plot_attributions` draws them. docs/attribution.md has the definitions.
"""

from .methods import conductance, gradient_times_input, integrated_gradients
from .result import Attribution

__all__ = ["Attribution", "conductance", "gradient_times_input", "integrated_gradients"]
