"""Folders of image files of mixed sizes and formats."""

import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from geomsym.config import DataConfig
from geomsym.data import fingerprint, inspect, load
from geomsym.data.image_files import Square
from geomsym.errors import ConfigError, DataError


def picture(size, seed=0, mode="RGB"):
    w, h = size
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (h, w, 3), dtype=np.uint8)).convert(mode)


@pytest.fixture
def folder(tmp_path):
    """Two classes of three 6×6 images in each part, grey and colour, in several formats."""
    for part in ("train", "test"):
        for k, name in enumerate(("cat", "dog")):
            (tmp_path / part / name).mkdir(parents=True)
            for i, (ending, mode) in enumerate((("png", "RGB"), ("bmp", "L"), ("png", "RGBA"))):
                picture((6, 6), 10 * k + i, mode).save(tmp_path / part / name / f"{i}.{ending}")
    return tmp_path


def config(folder, **values):
    return DataConfig(name="image_folder", root=str(folder), **{"preprocess": "none"} | values)


def test_pixels_and_labels_are_those_of_the_files(folder):
    data = load(config(folder), torch.float64)
    assert data.class_names == ("cat", "dog")
    assert data.input_shape == (3, 6, 6)
    for k, name in enumerate(data.class_names):
        files = sorted((folder / "train" / name).iterdir())
        expected = [np.asarray(Image.open(file).convert("RGB")).transpose(2, 0, 1) for file in files]
        mine = (data.train.x[data.train.y == k] * 255).round().numpy().astype(np.uint8)
        assert sorted(x.tobytes() for x in expected) == sorted(x.tobytes() for x in mine)


def test_images_are_cropped_to_their_central_square_and_resized(tmp_path):
    wide = np.zeros((4, 10, 3), np.uint8)
    wide[:, 3:7] = np.random.default_rng(0).integers(0, 256, (4, 4, 3))
    Image.fromarray(wide).save(tmp_path / "wide.png")
    assert np.array_equal(Square(4).read(tmp_path / "wide.png"), wide[:, 3:7].transpose(2, 0, 1))
    tall = np.full((30, 10, 3), 255, np.uint8)
    tall[10:20] = 80
    Image.fromarray(tall).save(tmp_path / "tall.png")
    assert (Square(5).read(tmp_path / "tall.png") == 80).all()


def test_mixed_sizes_are_resized_to_the_image_size(folder):
    picture((40, 25)).save(folder / "train" / "cat" / "large.jpg")
    data = load(config(folder, image_size=4))
    assert data.input_shape == (3, 4, 4)
    assert len(data.train) == 7


def test_mixed_sizes_need_an_image_size(folder):
    picture((7, 7)).save(folder / "test" / "dog" / "other.png")
    with pytest.raises(ConfigError, match=r"data\.image_size=null: .*other\.png is 7×7, but the first image 6×6"):
        load(config(folder))


def test_images_that_are_not_square_need_an_image_size(folder):
    picture((8, 6)).save(folder / "train" / "cat" / "0.png")
    with pytest.raises(ConfigError, match=r"data\.image_size=null: .*0\.png is 8×6, not square: give the side"):
        load(config(folder))


def test_only_chosen_images_are_decoded(folder):
    for name in ("cat", "dog"):
        (folder / "train" / name / "broken.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"broken\.png: not an image that can be decoded .*repair or remove it"):
        load(config(folder))
    sizes = [
        len(load(config(folder, subset_size=2, seed=seed)).train) for seed in range(20) if _is_readable(folder, seed)
    ]
    assert sizes and set(sizes) == {2}


def _is_readable(folder, seed):
    try:
        load(config(folder, subset_size=2, seed=seed))
    except DataError:
        return False
    return True


def test_a_truncated_image_is_named(folder):
    file = folder / "train" / "dog" / "cut.jpg"
    picture((64, 64)).save(file)
    file.write_bytes(file.read_bytes()[:800])
    with pytest.raises(DataError, match=r"cut\.jpg: not an image that can be decoded \(.*truncated"):
        load(config(folder, image_size=6))


def test_a_first_file_that_is_no_image_is_named(folder):
    (folder / "train" / "cat" / "0.png").write_text("text")
    with pytest.raises(DataError, match=r"cat.0\.png: not an image"):
        load(config(folder))


def test_deep_grey_is_refused_rather_than_cut_off(folder):
    Image.fromarray(np.full((6, 6), 40_000, np.uint16)).save(folder / "train" / "cat" / "deep.png")
    with pytest.raises(DataError, match=r"deep\.png: has more than 8 bits per channel .*convert it to 8 bits"):
        load(config(folder))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: shutil.rmtree(f / "test"), r"test: no such folder; an image folder is FOLDER/train/CLASS"),
        (
            lambda f: shutil.rmtree(f / "train"),
            r"train: no such folder.*data\.root=FOLDER, --data-root FOLDER",
        ),
        (lambda f: [shutil.rmtree(c) for c in (f / "train").iterdir()], "train: has no class folders"),
        (lambda f: [i.unlink() for i in (f / "test" / "dog").iterdir()], "test.dog: has no image files"),
        (
            lambda f: shutil.rmtree(f / "test" / "dog"),
            r"test: has no folder for class 'dog'; train and test need",
        ),
        (lambda f: shutil.rmtree(f / "train" / "cat"), r"train: has no folder for class 'cat'"),
    ],
)
def test_a_wrong_layout_is_named(folder, spoil, message):
    spoil(folder)
    with pytest.raises(DataError, match=message):
        load(config(folder))


def test_hidden_and_stray_files_are_ignored(folder):
    (folder / "train" / "cat" / ".DS_Store").write_bytes(b"x")
    (folder / "train" / "notes.txt").write_text("x")
    (folder / "train" / ".cache").mkdir()
    (folder / "train" / "__MACOSX" / "cat").mkdir(parents=True)
    (folder / "test" / "dog" / "@eaDir").mkdir()
    (folder / "test" / "dog" / "Thumbs.db").write_bytes(b"x")
    (folder / "test" / "dog" / "._0.png").write_bytes(b"x")
    assert len(load(config(folder)).train) == 6


def test_a_text_among_the_images_is_named_whether_it_is_chosen_or_not(folder):
    (folder / "test" / "dog" / "notes.txt").write_text("these are dogs")
    with pytest.raises(DataError, match=r"notes\.txt: not an image that can be decoded"):
        inspect(config(folder, subset_size=2, test_size=2))


def test_an_image_may_have_any_name(folder):
    (folder / "train" / "cat" / "0.png").rename(folder / "train" / "cat" / "no suffix = [x] #é")
    assert len(load(config(folder)).train) == 6


def nested(folder):
    (folder / "more").mkdir()


def linked_nowhere(folder):
    (folder / "more").symlink_to("nowhere")


def linked_in_a_circle(folder):
    (folder / "more").symlink_to("more")


def pipe(folder):
    os.mkfifo(folder / "more")


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (nested, "a folder in a class folder; move its images up"),
        (linked_nowhere, "a link to nowhere, which can't be followed"),
        (linked_in_a_circle, "a link to more, which can't be followed"),
        (pipe, "neither a file nor a link to one"),
        (lambda folder: (folder / "more").touch(), "the file is empty"),
    ],
)
def test_what_is_no_image_file_is_named_and_not_skipped(folder, add, message):
    add(folder / "train" / "dog")
    for use in (load, fingerprint):
        with pytest.raises(DataError, match=rf"train.dog.more: {message}"):
            use(config(folder))


def test_a_broken_link_beside_the_classes_is_named(folder):
    linked_nowhere(folder / "test")
    with pytest.raises(DataError, match=r"test.more: a link to nowhere"):
        load(config(folder))


def test_links_to_images_and_to_class_folders_are_followed(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (folder / "train" / "cat" / "0.png").rename(other / "0.png")
    (folder / "train" / "cat" / "0.png").symlink_to(other / "0.png")
    (folder / "test" / "dog").rename(other / "dog")
    (folder / "test" / "dog").symlink_to(other / "dog")
    assert len(load(config(folder)).train) == len(load(config(folder)).test) == 6


def test_one_name_in_two_forms_is_named(folder):
    for name in ("\u00e9", "e\u0301"):
        shutil.copytree(folder / "train" / "cat", folder / "train" / name)
    with pytest.raises(DataError, match=r"train: '.*' and '.*' are one name in two Unicode forms"):
        load(config(folder))


def test_the_fingerprint_knows_names_and_sizes_but_not_the_path(folder, tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy") / "images"
    shutil.copytree(folder, copy)
    first = fingerprint(config(folder))
    assert fingerprint(config(copy)) == first
    (copy / "train" / "cat" / "0.png").rename(copy / "train" / "cat" / "9.png")
    renamed = fingerprint(config(copy))
    (copy / "train" / "cat" / "9.png").write_bytes(b"longer or shorter")
    assert len({first, renamed, fingerprint(config(copy))}) == 3
