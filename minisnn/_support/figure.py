"""A Matplotlib figure that displays itself in notebooks, imported only when a figure is made."""

from __future__ import annotations

import io

from matplotlib.figure import Figure


class ShownFigure(Figure):
    """A figure without pyplot and its windows that notebooks display."""

    def _repr_png_(self) -> bytes:
        """Return the picture, as IPython asks for it."""
        file = io.BytesIO()
        self.savefig(file, format="png")
        return file.getvalue()
