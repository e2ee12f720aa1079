"""Values that the grammar can't read: paths are taken as they are, for others the message is a line that works."""

import shlex

import pytest

from geomsym.cli.compose import compose, compose_sweep
from geomsym.errors import UserError

PATHS = [
    "/a (b)",
    "/a(b)",
    "a=b",
    "/a/é",
    "e\u0301",
    "/a#b",
    "~/x",
    "{x}",
    "/x/[s]",
    "1e3",
    "1_000",
    "true",
    "nan",
    "a'b",
    'a"b',
    "a&b;c",
    "a\\",
    "a'\\",
    "x(1)",
    "日本",
    "caf\udce9",
    "a\nb",
    "a$b (c)",
    "/a b",
    "007",
    "C:\\x y",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_of_data_is_taken_as_it_is_written(path):
    assert compose([f"data.root={path}"]).data.root == path
    assert [run.data.root for run in compose_sweep([f"data.root={path}"])[1]] == [path]


def test_what_means_something_else_keeps_its_meaning():
    assert compose(["data.root=null"]).data.root is None and compose(["data.root='a,b'"]).data.root == "a,b"
    assert compose(["data.root=/a/${seed}", "seed=7"]).data.root == "/a/7"
    assert [run.data.root for run in compose_sweep(["data.root=a,b c"])[1]] == ["a", "b c"]
    with pytest.raises(UserError, match="not of the form KEY=VALUE"):
        compose(["data.root='a"])


REFUSED = [
    ("data.root=/a (b),c", ["/a (b),c"], ["/a (b)", "c"]),
    ("data.root=/a (${x})", ["/a (${x})"], None),
    ("data.root=[s]", ["[s]"], None),
    ("data.root=1e3,2", ["1e3,2"], ["1e3", "2"]),
    ("data.root=é,ü", ["é,ü"], ["é", "ü"]),
]


@pytest.mark.parametrize(("argument", "one", "several"), REFUSED)
def test_the_message_has_the_line_to_type(argument, one, several):
    with pytest.raises(UserError) as caught:
        compose_sweep([argument])
    lines = str(caught.value).split("for the shell: ")[1].split(", or for several values ")
    found = [[run.data.root for run in compose_sweep(shlex.split(line))[1]] for line in lines]
    assert found == ([one] if several is None else [one, several])


@pytest.mark.parametrize("argument", ["architecture=gäp", "dtype=float(x", "experiment=a#b"])
def test_other_keys_say_how_to_quote(argument):
    key, _, value = argument.partition("=")
    with pytest.raises(UserError, match=r"can't be read as it stands.*text needs quotes") as caught:
        compose([argument])
    (typed,) = shlex.split(str(caught.value).split("for the shell: ")[1])
    assert typed == f'{key}="{value}"'
    with pytest.raises(UserError, match="not one of"):
        compose([typed])


def test_several_paths_for_one_run():
    with pytest.raises(UserError, match=r"several values are a sweep.*: 'data\.root=\"/a,b\"'"):
        compose(["data.root=/a,b"])
