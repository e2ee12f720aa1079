"""One style for all figures, whatever the user has set."""

import matplotlib
import pytest
from matplotlib import cycler

from geomsym.plotting import style
from geomsym.plotting.save import save

TASTE = {
    "text.usetex": True,
    "font.size": 30,
    "savefig.format": "svg",
    "savefig.bbox": "tight",
    "savefig.transparent": True,
    "figure.facecolor": "green",
    "axes.prop_cycle": cycler("color", ["red"]),
    "image.cmap": "gray",
    "path.sketch": (1, 100, 2),
}


def drawn(path) -> bytes:
    with style.figure_style():
        figure, [[axes]] = style.figure(1, 1)
        axes.plot([0, 1], [0, 1], label="a line")
        axes.imshow([[0, 1], [1, 0]])
        axes.set_title("title")
        return save(figure, path)[0].read_bytes()


def test_a_users_matplotlibrc_changes_no_figure(tmp_path):
    plain = drawn(tmp_path / "plain")
    with matplotlib.rc_context(TASTE):
        mine = dict(matplotlib.rcParams)
        assert drawn(tmp_path / "mine") == plain
        assert dict(matplotlib.rcParams) == mine


@pytest.mark.parametrize("key", ["font.size", "savefig.bbox", "axes.prop_cycle"])
def test_without_the_style_each_of_them_would_show(tmp_path, monkeypatch, key):
    """The control of the test above."""
    plain = drawn(tmp_path / "plain")
    monkeypatch.setattr(style, "RC", style.RC | {key: TASTE[key], "lines.linewidth": 1.2})
    assert drawn(tmp_path / "changed") != plain
