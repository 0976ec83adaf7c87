"""Fashion-MNIST: 70,000 pictures of clothes in MNIST's format (Xiao, Rasul and Vollgraf 2017)."""

from __future__ import annotations

from hardzero.datasets.dataset import Dataset
from hardzero.datasets.directory import RemoteFile
from hardzero.datasets.idx import IdxFiles, load_idx_dataset

MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)


def _file(name: str, packed_md5: str) -> RemoteFile:
    return RemoteFile(f"fashion_mnist/{name}", tuple(mirror + name for mirror in MIRRORS), f"md5:{packed_md5}")


FILES = IdxFiles(
    train_images=_file("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
    train_labels=_file("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
    test_images=_file("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
    test_labels=_file("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
)

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

DESCRIPTION = """\
Fashion-MNIST: articles of clothing, 28 x 28 pixels, values byte / 255 in [0, 1], 10 classes.
Splits: train = the first 50,000 of the training file, validation = its last 10,000, test = the 10,000 of the test file.
Found as fashion_mnist/*-ubyte or fashion_mnist/*-ubyte.gz in the data directory; MIT license."""


def load_fashion_mnist() -> Dataset:
    """Load Fashion-MNIST: 50,000 training, 10,000 validation and 10,000 test images.

    Returns
    -------
    Dataset
        784 features in [0, 1].

    Raises
    ------
    DatasetNotFound
        If a file is neither on this machine nor can be fetched.
    ValueError
        If a file is damaged.
    """
    return load_idx_dataset("fashion_mnist", FILES, CLASS_NAMES, DESCRIPTION)
