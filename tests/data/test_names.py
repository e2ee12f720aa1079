"""Names of files as text: NFC, printable, and another text for every name."""

from hypothesis import given
from hypothesis import strategies as st

from geomsym.data.names import as_bytes, composed, displayed, is_clutter

NAMES = st.binary(min_size=1).map(lambda name: name.decode("utf-8", "surrogateescape"))


@given(NAMES, NAMES)
def test_a_displayed_name_is_one_printable_line_and_tells_names_apart(one, other):
    assert displayed(one).isprintable()
    displayed(one).encode()
    assert (displayed(one) == displayed(other)) == (one == other)


@given(NAMES)
def test_bytes_survive(name):
    assert as_bytes(name).decode("utf-8", "surrogateescape") == name


def test_names_are_composed():
    assert composed("e\u0301") == "é" == composed("é")


def test_clutter_is_known_whatever_its_case():
    assert all(map(is_clutter, ("Thumbs.db", "thumbs.DB", "desktop.ini", ".DS_Store", "._a.png", "__MACOSX", ".git")))
    assert not any(map(is_clutter, ("a.png", "Thumbs.png", "MACOSX", "_a")))
