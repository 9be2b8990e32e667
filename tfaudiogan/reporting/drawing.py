"""The common style of all figures: colors, sizes and file formats.

A new figure is drawn as in this example. ``page.Section.figure`` takes the bytes that it returns::

    @styled
    def minutes(cost: Mapping[str, float], *, image: str = "svg") -> bytes:
        figure = new_figure(height_inches=2.5)
        axis = figure.subplots()
        axis.bar(list(cost), list(cost.values()), color=COLORS[0])
        entitle(axis, "Cost of each run, in minutes")
        return encoded(figure, image)
"""

import functools
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

P = ParamSpec("P")
T = TypeVar("T")

INK = "#24292f"
FAINT = "#d0d7de"
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
WIDTH_INCHES = 5.2
_ROW_POINTS = 15

_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.6,
    "grid.color": FAINT,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "svg.hashsalt": "tfaudiogan",
}


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Decorate a drawing function to use the package's style without changing Matplotlib's own."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> T:
        import matplotlib

        with matplotlib.rc_context(_STYLE):
            return draw(*args, **kwargs)

    return drawn


def new_figure(height_inches: float) -> "Figure":
    """Return an empty figure that is independent of pyplot and its global state."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")


def entitle(axis: "Axes", title: str) -> None:
    """Add a title and, if there are several labels, a legend between the title and the axes.

    The figure grows with the rows of the legend.
    """
    handles, labels = axis.get_legend_handles_labels()
    if len(labels) < 2:
        axis.set_title(title)
        return
    columns = max(1, min(len(labels), 330 // (32 + 5 * max(map(len, labels)))))
    rows = -(-len(labels) // columns)
    figure = axis.get_figure(root=True)
    if figure is None:
        raise ValueError("the axis is in no figure")
    figure.set_figheight(figure.get_figheight() + (rows - 1) * _ROW_POINTS / 72)
    axis.set_title(title, pad=6 + _ROW_POINTS * rows)
    axis.legend(
        handles, labels, loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=columns, borderpad=0.2
    )


def plain_logarithmic(axis: "Axis") -> None:
    """Label a logarithmic axis with plain numbers at 1, 2 and 5 of each decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def encoded(figure: "Figure", image: str) -> bytes:
    """Return the figure as a file: ``"svg"`` (transparent) or ``"png"`` (on white).

    Raises:
        ValueError: If ``image`` is another format.
    """
    if image not in ("svg", "png"):
        raise ValueError(f"image is {image!r}; expected 'svg' or 'png'")
    stream = io.BytesIO()
    if image == "svg":
        figure.savefig(stream, format="svg", dpi=120, transparent=True, metadata={"Date": None})
    else:
        figure.savefig(stream, format="png", dpi=160)
    return stream.getvalue()
