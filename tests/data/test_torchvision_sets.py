"""Fetching and opening MNIST and CIFAR-10, from a local server with small archives of their formats."""

import gzip
import hashlib
import io
import pickle
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch

from geomsym.config import DataConfig
from geomsym.data import SOURCES, load
from geomsym.data.torchvision_import import import_torchvision
from geomsym.errors import DataError

N_TRAIN, N_TEST = 40, 20


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


@pytest.fixture
def site(tmp_path):
    """A folder and the address at which a local server serves it."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def md5(content):
    return hashlib.md5(content).hexdigest()


def idx(array):
    """The bytes of an MNIST file: 0, 0, type 8 (bytes), axes; sizes; values."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.fixture
def mnist(site, monkeypatch):
    """Serve an MNIST of 40 + 20 images; image i of a part is filled with the value i."""
    folder, address = site
    resources = []
    for prefix, n in (("train", N_TRAIN), ("t10k", N_TEST)):
        images = np.repeat(np.arange(n, dtype=np.uint8), 28 * 28).reshape(n, 28, 28)
        labels = np.arange(n, dtype=np.uint8) % 10
        for name, array in ((f"{prefix}-images-idx3-ubyte", images), (f"{prefix}-labels-idx1-ubyte", labels)):
            content = gzip.compress(idx(array))
            (folder / f"{name}.gz").write_bytes(content)
            resources.append((f"{name}.gz", md5(content)))
    cls = import_torchvision().datasets.MNIST
    monkeypatch.setattr(cls, "mirrors", [address])
    monkeypatch.setattr(cls, "resources", resources)
    return folder


@pytest.fixture
def cifar10(site, monkeypatch):
    """Serve a CIFAR-10 of 40 + 20 images; row r of colour c of image i has the value i + 80·c + r."""
    folder, address = site
    names = [f"thing{k}" for k in range(10)]
    batches = {f"data_batch_{k + 1}": batch(range(8 * k, 8 * k + 8)) for k in range(5)}
    files = batches | {"test_batch": batch(range(N_TEST)), "batches.meta": {"label_names": names}}
    packed = {name: pickle.dumps(content) for name, content in files.items()}
    with tarfile.open(folder / "small.tar.gz", "w:gz") as archive:
        for name, content in packed.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    cls = import_torchvision().datasets.CIFAR10
    monkeypatch.setattr(cls, "url", f"{address}small.tar.gz")
    monkeypatch.setattr(cls, "filename", "small.tar.gz")
    monkeypatch.setattr(cls, "tgz_md5", md5((folder / "small.tar.gz").read_bytes()))
    monkeypatch.setattr(cls, "train_list", [[name, md5(packed[name])] for name in batches])
    monkeypatch.setattr(cls, "test_list", [["test_batch", md5(packed["test_batch"])]])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": md5(packed["batches.meta"])}
    monkeypatch.setattr(cls, "meta", meta)
    return folder


def batch(images):
    image, colour, row = np.ogrid[images.start : images.stop, :3, :32]
    pixels = np.repeat(image + 80 * colour + row, 32).astype(np.uint8)  # 32 equal columns
    return {"data": pixels.reshape(len(images), 3 * 32 * 32), "labels": [i % 10 for i in images]}


@pytest.fixture
def served(request):
    """The name of a set and the folder that its server serves."""
    return request.param, request.getfixturevalue(request.param)


both = pytest.mark.parametrize("served", ["mnist", "cifar10"], indirect=True)


def config(name, folder, **values):
    return DataConfig(name=name, root=str(folder), preprocess="none", **values)


def test_fetched_mnist_has_the_pixels_and_labels_that_were_served(mnist, tmp_path):
    SOURCES["mnist"].fetch(tmp_path / "data")
    data = load(config("mnist", tmp_path / "data"), torch.float64)
    assert data.input_shape == (1, 28, 28)
    assert data.class_names == tuple("0123456789")
    values = (data.train.x * 255).round()
    assert sorted(values[:, 0, 0, 0].tolist()) == list(range(N_TRAIN))
    assert torch.equal(values[:, 0, 5, 7].long() % 10, data.train.y)
    assert len(data.test) == N_TEST


def test_fetched_cifar10_has_the_pixels_labels_and_names_that_were_served(cifar10, tmp_path):
    SOURCES["cifar10"].fetch(tmp_path / "data")
    data = load(config("cifar10", tmp_path / "data"), torch.float64)
    assert data.class_names[3] == "thing3"
    pixels = (data.train.x * 255).round().long()
    i = pixels[:, 0, 0, 0]
    colour, row = 80 * torch.arange(3)[:, None, None], torch.arange(32)[:, None]
    assert torch.equal(pixels, (i[:, None, None, None] + colour + row).expand(-1, 3, 32, 32))
    assert torch.equal(i % 10, data.train.y)
    assert sorted(i.tolist()) == list(range(N_TRAIN))
    assert load(config("cifar10", tmp_path / "data", image_size=8)).input_shape == (3, 8, 8)


@both
def test_a_set_that_is_there_is_not_fetched_again(served, tmp_path):
    name, site = served
    SOURCES[name].fetch(tmp_path / "data")
    for file in site.iterdir():
        file.unlink()
    SOURCES[name].fetch(tmp_path / "data")
    assert len(load(config(name, tmp_path / "data")).train) == N_TRAIN


@both
def test_a_corrupt_download_is_refused_and_leaves_nothing(served, tmp_path):
    name, site = served
    for file in site.iterdir():
        file.write_bytes(file.read_bytes()[:-3] + b"bad")
    with pytest.raises(DataError, match=rf"{name}: the download into .* failed .*corrupted.*, and nothing was kept"):
        SOURCES[name].fetch(tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []
    with pytest.raises(DataError, match="not there"):
        load(config(name, tmp_path / "data"))


@both
def test_a_failed_connection_says_what_to_do(served, tmp_path):
    name, site = served
    for file in site.iterdir():
        file.unlink()
    with pytest.raises(DataError, match=rf"404.*Check the network .*repeat `geomsym data fetch {name}`; or copy"):
        SOURCES[name].fetch(tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


@both
def test_a_folder_that_cannot_be_made_is_a_data_error(served, tmp_path):
    name, _ = served
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=rf"{name}: the download into .*file.data failed"):
        SOURCES[name].fetch(tmp_path / "file" / "data")


@both
def test_a_damaged_set_is_named_and_replaced_by_fetching(served, tmp_path):
    name, _ = served
    SOURCES[name].fetch(tmp_path / "data")
    file = next(
        file for file in (tmp_path / "data").rglob("*") if file.name in ("t10k-images-idx3-ubyte", "test_batch")
    )
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DataError, match=rf"{name}: looked in .*damaged or incomplete. Run `geomsym data fetch {name}`"):
        load(config(name, tmp_path / "data"))
    SOURCES[name].fetch(tmp_path / "data")
    assert len(load(config(name, tmp_path / "data")).test) == N_TEST
    assert len(list((tmp_path / "data").iterdir())) == 1


@both
def test_a_missing_set_names_the_folder_and_every_remedy(served, tmp_path):
    name, _ = served
    with pytest.raises(DataError) as caught:
        load(config(name, tmp_path / "empty"))
    for part in (
        str(tmp_path / "empty"),
        f"`geomsym data fetch {name}`",
        "data.root=",
        "--data-root",
        "GEOMSYM_DATA",
    ):
        assert part in str(caught.value)


def test_labels_must_be_as_many_as_images(mnist, tmp_path):
    SOURCES["mnist"].fetch(tmp_path / "data")
    file = tmp_path / "data" / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    file.write_bytes(idx(np.zeros(N_TRAIN - 1, np.uint8)))
    with pytest.raises(DataError, match="damaged or incomplete"):
        load(config("mnist", tmp_path / "data"))
