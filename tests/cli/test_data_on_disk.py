"""Data on disk as a user meets them on the command line: replaced, moved, oddly named."""

import csv
import json
import os
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from command_line import invoke
from geomsym.data import mnist

SMALL = ["architecture=fcn", "architecture.width=8", "architecture.depth=2", "inference.max_steps=2",
         "inference.learning_rate=0.01", "data.subset_size=8", "data.test_size=8", "--device", "cpu"]  # fmt: skip


def images(folder, names, seed=0):
    """Four 4×4 images for each class in each part, as .bmp files of one size."""
    random = np.random.default_rng(seed)
    for part in ("train", "test"):
        for name in names:
            (folder / part / name).mkdir(parents=True, exist_ok=True)
            for i in range(4):
                pixels = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / part / name / f"{i}.bmp")


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def write_mnist(folder, seed=0):
    """MNIST's four files, of 20 random images each."""
    random = np.random.default_rng(seed)
    for name in mnist.FILES.files:
        path = folder / "MNIST" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (20, 28, 28), dtype=np.uint8)
        path.write_bytes(idx(pixels if "images" in name else np.arange(20, dtype=np.uint8) % 10))


def row(result):
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def test_images_replaced_by_others_are_trained_on_anew(tmp_path):
    images(tmp_path / "images", ("cat", "dog"))
    command = ["train", "data=image_folder", f"data.root={tmp_path / 'images'}", *SMALL, "--out", tmp_path, "--json"]
    first, again = invoke(*command), invoke(*command)
    assert "Nothing to do" in again.stderr and row(first) == row(again)
    images(tmp_path / "images", ("cat", "dog"), seed=1)
    replaced = invoke(*command)
    assert "Nothing to do" not in replaced.stderr and row(replaced)["run_id"] != row(first)["run_id"]


def test_other_data_under_mnists_names_and_a_wrong_root_are_not_taken_for_mnist(tmp_path):
    write_mnist(tmp_path / "digits")
    write_mnist(tmp_path / "fashion", seed=1)
    small = ["data=mnist", *SMALL, "data.subset_size=10", "data.test_size=10", "--out", tmp_path, "--json"]
    first = row(invoke("train", f"data.root={tmp_path / 'digits'}", *small))
    fashion = invoke("train", f"data.root={tmp_path / 'fashion'}", *small)
    assert "Nothing to do" not in fashion.stderr and row(fashion)["run_id"] != first["run_id"]
    wrong = invoke("train", f"data.root={tmp_path / 'nowhere'}", *small)
    assert wrong.exit_code == 2 and f"mnist: looked in {tmp_path / 'nowhere'}" in wrong.stderr.replace("\n", "")
    assert "Nothing to do" not in wrong.stderr


def test_a_sweep_walks_a_folder_once(tmp_path, monkeypatch):
    images(tmp_path / "images", ("cat", "dog"))
    counted, plain = Counter(), os.scandir

    def scandir(path="."):
        counted[str(path)] += str(path).startswith(str(tmp_path / "images"))
        return plain(path)

    monkeypatch.setattr(os, "scandir", scandir)
    root = f"data.root={tmp_path / 'images'}"
    result = invoke("sweep", "data=image_folder", root, *SMALL, "seed=0,1,2", "--out", tmp_path, "--workers", 1)
    assert "3 runs" in result.stdout
    assert counted.total() == 6


ODD = ["[red] a=b (c) #1", "é", "two\nlines", "a,b;'c'\"d\""]


def test_odd_names_of_classes_are_kept_with_the_run(tmp_path):
    images(tmp_path / "a [b]=c (d) é #", ODD)
    root = ["data=image_folder", "--data-root", tmp_path / "a [b]=c (d) é #"]
    record = row(invoke("train", *root, *SMALL, "--out", tmp_path, "--json"))
    with (tmp_path / "train" / "runs" / record["run_id"] / "classes.csv").open(encoding="utf-8", newline="") as file:
        found = [line["name"] for line in csv.DictReader(file)]
    assert found == sorted(name.replace("\n", "\\n") for name in ODD)
    assert (tmp_path / "train" / "runs.csv").is_file()
    assert invoke("train", *root, *SMALL, "--out", tmp_path).exit_code == 0


def test_a_broken_image_with_a_name_of_odd_bytes_is_named_everywhere(tmp_path):
    images(tmp_path / "images", ("cat", "dog"))
    folder = os.fsencode(tmp_path / "images")
    try:
        os.rename(folder + b"/test/cat/0.bmp", folder + b"/test/cat/\xff.bmp")
    except OSError:
        pytest.skip("a file system of UTF-8 names alone")
    with open(folder + b"/test/cat/\xff.bmp", "wb") as file:
        file.write(b"no image")
    out = tmp_path / "o"
    result = invoke(
        "train", "data=image_folder", "--data-root", tmp_path / "images", *SMALL, "data.image_size=4", "--out", out
    )
    assert result.exit_code == 2 and "cat/\\xff.bmp: not an image" in result.stderr.replace("\n", "")
    assert "cat/\\xff.bmp" in (out / "train" / "runs.csv").read_text(encoding="utf-8")


def test_labels_that_are_text_are_kept_with_the_run(tmp_path):
    x, y = np.random.default_rng(0).standard_normal((8, 5)), np.array(["dog", "café"] * 4)
    np.savez(tmp_path / "x.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    record = row(invoke("train", "data=arrays", f"data.root={tmp_path / 'x.npz'}", *SMALL, "--out", tmp_path, "--json"))
    path = tmp_path / "train" / "runs" / record["run_id"] / "classes.csv"
    assert path.read_text(encoding="utf-8") == "class,name\n0,café\n1,dog\n"
