"""Pictures as part of the page: plots as SVG in the color of the text, images as PNG in data URIs."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, StringIO
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#010203"
"""Stands for the color of the text in plots, and becomes ``currentColor``: readable on dark and light paper."""

_numbers = count(1)


@dataclass(frozen=True)
class Figure:
    """A picture with a caption.

    Attributes
    ----------
    picture : Markup
        An ``svg`` element.
    caption : str
    """

    picture: Markup
    caption: str


@dataclass(frozen=True)
class Thumbnail:
    """A small image.

    Attributes
    ----------
    url : str
        PNG as a data URI.
    alt : str
    """

    url: str
    alt: str


@contextmanager
def plotting() -> Iterator[None]:
    """Set the style of plots for the page, without a display and without a trace afterwards."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    style: dict[Any, Any] = {
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "grid.color": INK,
        "font.size": 11.5,
        "font.family": "sans-serif",
        "svg.fonttype": "none",
        "savefig.transparent": True,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
    }
    open_before = set(plt.get_fignums())
    with mpl.rc_context(style):
        try:
            yield
        finally:
            for number in set(plt.get_fignums()) - open_before:
                plt.close(number)


def figure(ax: Axes, caption: str, alt: str) -> Figure:
    """Return the figure of `ax` as inline SVG with `alt` as its text for those who do not see it."""
    text = StringIO()
    drawing: Any = ax.figure
    drawing.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    # Text takes the font of the page, so that no font has to be at hand.
    svg = re.sub(r"(font: [\d.]+px )[^;\"]+", r"\1system-ui, sans-serif", svg)
    svg = _with_own_names(svg, f"f{next(_numbers)}-")
    label = f'<svg role="img" aria-label="{escape(alt)}" '
    return Figure(Markup(svg.replace("<svg ", label, 1)), caption)


def thumbnail(image: NDArray[Any], alt: str) -> Thumbnail:
    """Return an RGB or RGBA image with values from 0 to 1 as a PNG."""
    from matplotlib.image import imsave

    data = BytesIO()
    imsave(data, np.clip(image, 0.0, 1.0), format="png", metadata={"Software": "hardzero"})
    return Thumbnail(f"data:image/png;base64,{b64encode(data.getvalue()).decode()}", alt)


def _with_own_names(svg: str, prefix: str) -> str:
    """Prefix all names in a drawing, so that drawings on one page do not refer to parts of each other."""
    svg = re.sub(r'\bid="', f'id="{prefix}', svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}", svg)
    return re.sub(r'href="#', f'href="#{prefix}', svg)
