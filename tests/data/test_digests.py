"""What identifies data on disk: content, not paths or times; each folder looked at once, each file read once."""

import json
import os
import shutil
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geomsym.config import DataConfig
from geomsym.data import digest_cache, digests, fingerprint, folder_digest, load, looked_at_once
from geomsym.data.digest_cache import RESOLUTION, holds
from geomsym.errors import DataError

LONG_AGO = 1_600_000_000 * 10**9


@pytest.fixture
def folder(tmp_path):
    """Two classes of two images in each part, written long ago."""
    random = np.random.default_rng(0)
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / "images" / part / name).mkdir(parents=True)
            for i in range(2):
                pixels = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(tmp_path / "images" / part / name / f"{i}.bmp")
    return tmp_path / "images"


def config(folder):
    return DataConfig("image_folder", root=str(folder), preprocess="none")


def flip_a_bit(file, at=-1):
    """Change a byte of a file; its name, its size and the time of its last change stay."""
    status, content = file.stat(), bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.fixture
def reads(monkeypatch):
    """The names of the files whose bytes are read, counted; every file counts as written long ago."""
    counted, plain = Counter(), digests._digest
    monkeypatch.setattr(digest_cache, "RESOLUTION", -(10**12))

    def digest(file, whole):
        counted[Path(file.path).name] += 1
        return plain(file, whole)

    monkeypatch.setattr(digests, "_digest", digest)
    return counted


@pytest.fixture
def walks(monkeypatch):
    """The folders that are listed, counted."""
    counted, plain = Counter(), os.scandir

    def scandir(path="."):
        counted[str(path)] += 1
        return plain(path)

    monkeypatch.setattr(os, "scandir", scandir)
    return counted


def test_images_replaced_by_others_of_equal_name_size_and_time_are_other_data(folder):
    before = fingerprint(config(folder))
    flip_a_bit(folder / "train" / "cat" / "0.bmp")
    assert fingerprint(config(folder)) != before


def test_swapped_images_are_other_data(folder):
    before = fingerprint(config(folder))
    one, other = (folder / "train" / name / "0.bmp" for name in ("cat", "dog"))
    one.rename(folder / "kept")
    other.rename(one)
    (folder / "kept").rename(other)
    assert fingerprint(config(folder)) != before


def test_neither_place_nor_time_nor_clutter_nor_the_order_of_the_disk_matters(folder, tmp_path, monkeypatch):
    before = fingerprint(config(folder))
    copy = tmp_path / "elsewhere"
    shutil.copytree(folder, copy)
    for path in copy.rglob("*.bmp"):
        os.utime(path, ns=(LONG_AGO, LONG_AGO))
    for name in ("Thumbs.db", "desktop.ini", ".DS_Store", "._0.bmp"):
        (copy / "train" / name).write_text("x")
        (copy / "test" / "dog" / name).write_text("x")
    (copy / "train" / "__MACOSX").mkdir()
    (copy / "train" / "cat" / ".thumbnails").mkdir()
    plain = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path=".": plain(path)[::-1])
    assert fingerprint(config(copy)) == before


def test_composed_and_decomposed_names_are_the_same(tmp_path, folder):
    for form in ("NFC", "NFD"):
        for part in ("train", "test"):
            target = tmp_path / form / part
            shutil.copytree(folder / part, target)
            (target / "dog").rename(target / unicodedata.normalize(form, "é"))
            (target / "cat" / "0.bmp").rename(target / "cat" / unicodedata.normalize(form, "ü.bmp"))
    assert fingerprint(config(tmp_path / "NFC")) == fingerprint(config(tmp_path / "NFD"))
    shutil.rmtree(tmp_path / "NFC" / "test")
    (tmp_path / "NFD" / "test").rename(tmp_path / "NFC" / "test")
    assert load(config(tmp_path / "NFC")).class_names == ("cat", "é")


def test_names_that_are_not_utf8_enter_with_their_bytes(folder):
    for part in ("train", "test"):
        target = os.path.join(os.fsencode(folder / part), b"caf\xe9")
        try:
            os.mkdir(target)
        except OSError:
            pytest.skip("a file system of UTF-8 names alone")
        shutil.copy(folder / "train" / "cat" / "0.bmp", os.path.join(os.fsdecode(target), "0.bmp"))
    assert load(config(folder)).class_names == ("caf\\xe9", "cat", "dog")
    first = fingerprint(config(folder))
    for part in ("train", "test"):
        os.rename(os.fsencode(folder / part) + b"/caf\xe9", os.fsencode(folder / part) + b"/caf\xea")
    assert fingerprint(config(folder)) != first


@pytest.mark.parametrize(("at", "seen"), [(0, True), (-1, True), (4096 * 3 + 100, False)])
def test_of_a_large_folder_fixed_places_of_every_file_are_read(folder, monkeypatch, at, seen):
    big = folder / "train" / "cat" / "0.bmp"
    big.write_bytes(np.random.default_rng(0).bytes(50_000))
    small = folder / "train" / "cat" / "1.bmp"
    monkeypatch.setattr(folder_digest, "READ_WHOLE", 10_000)
    before = fingerprint(config(folder))
    flip_a_bit(big, at)
    assert (fingerprint(config(folder)) != before) == seen
    between = fingerprint(config(folder))
    flip_a_bit(small, 60)
    assert fingerprint(config(folder)) != between
    monkeypatch.setattr(folder_digest, "READ_WHOLE", 10**6)
    whole = fingerprint(config(folder))
    flip_a_bit(big, at)
    assert fingerprint(config(folder)) != whole


def test_a_command_walks_a_folder_once(folder, walks):
    with looked_at_once():
        for _ in range(3):
            fingerprint(config(folder))
            load(config(folder))
    assert len(walks) == 6 and set(walks.values()) == {1}
    fingerprint(config(folder))
    assert set(walks.values()) == {2}


def test_files_are_read_again_only_where_they_changed(folder, reads, monkeypatch):
    first = fingerprint(config(folder))
    assert reads.total() == 8
    assert fingerprint(config(folder)) == first and reads.total() == 8
    monkeypatch.setattr(digest_cache, "_remembered", {})  # as in the next command
    assert fingerprint(config(folder)) == first and reads.total() == 8
    flip_a_bit(folder / "test" / "dog" / "1.bmp")
    assert fingerprint(config(folder)) != first and reads.total() == 9


def spoil_text(file):
    file.write_text("not ours")


def spoil_digest(file):
    head, text = file.read_bytes().split(b"\n", 1)
    entries = {name: [*entry[:-1], "0" * 64] for name, entry in json.loads(text).items()}
    file.write_bytes(head + b"\n" + json.dumps(entries).encode())


@pytest.mark.parametrize("spoil", [spoil_text, spoil_digest, lambda f: f.write_bytes(f.read_bytes()[:100])])
def test_a_damaged_cache_is_ignored_and_written_anew(folder, reads, cache_of_its_own, monkeypatch, spoil):
    first = fingerprint(config(folder))
    (file,) = (cache_of_its_own / "digests").iterdir()
    good = file.read_bytes()
    spoil(file)
    monkeypatch.setattr(digest_cache, "_remembered", {})
    assert fingerprint(config(folder)) == first and reads.total() == 16
    assert len(file.read_bytes()) == len(good)


def test_without_a_place_for_the_cache_nothing_is_said(folder, tmp_path, monkeypatch):
    first = fingerprint(config(folder))
    (tmp_path / "file").write_text("in the way")
    for place in (None, tmp_path / "file" / "cache"):
        monkeypatch.setattr(digest_cache, "cache_folder", lambda place=place: place)
        monkeypatch.setattr(digest_cache, "_remembered", {})
        assert fingerprint(config(folder)) == first


def test_the_cache_folder_follows_the_platform_and_may_be_missing(monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert digest_cache.cache_folder() == tmp_path / "geomsym"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert digest_cache.cache_folder() == tmp_path / ".cache" / "geomsym"
    for home in (str(tmp_path / "none"), ""):
        monkeypatch.setenv("HOME", home)
        assert digest_cache.cache_folder() is None


def test_a_file_written_just_before_it_was_read_is_not_trusted():
    state = (10, LONG_AGO, LONG_AGO, 3)
    assert holds((*state, LONG_AGO + RESOLUTION + 1, "digest"), state)
    assert not holds((*state, LONG_AGO + RESOLUTION, "digest"), state)
    assert not holds(None, state)
    for k in range(4):
        other = tuple(value + (i == k) for i, value in enumerate(state))
        assert not holds((*state, LONG_AGO + 10 * RESOLUTION, "digest"), other)


def test_a_file_that_is_written_while_a_command_runs_is_named(folder):
    with looked_at_once():
        fingerprint(config(folder))
        picture = folder / "train" / "cat" / "0.bmp"
        flip_a_bit(picture)
        os.utime(picture, ns=(LONG_AGO, LONG_AGO))
        with pytest.raises(DataError, match=r"0\.bmp: was written while this command ran; repeat"):
            load(config(folder))


def test_a_file_that_may_not_be_read_is_named(folder, monkeypatch):
    def refuse(*arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(digests, "open", refuse, raising=False)
    with pytest.raises(DataError, match=r"0\.bmp: can't be read \(Permission denied\); change its permissions"):
        fingerprint(config(folder))
