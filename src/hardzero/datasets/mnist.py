"""MNIST: 70,000 handwritten digits of 28 by 28 pixels (LeCun, Bottou, Bengio and Haffner 1998)."""

from __future__ import annotations

from hardzero.datasets.dataset import Dataset
from hardzero.datasets.directory import RemoteFile
from hardzero.datasets.idx import IdxFiles, load_idx_dataset

MIRRORS = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")


def _file(name: str, packed_md5: str, unpacked_md5: str) -> RemoteFile:
    addresses = tuple(mirror + name for mirror in MIRRORS)
    return RemoteFile(f"mnist/{name}", addresses, f"md5:{packed_md5}", unpacked_md5)


FILES = IdxFiles(
    train_images=_file(
        "train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873", "6bbc9ace898e44ae57da46a324031adb"
    ),
    train_labels=_file(
        "train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432", "a25bea736e30d166cdddb491f175f624"
    ),
    test_images=_file(
        "t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3", "2646ac647ad5339dbf082846283269ea"
    ),
    test_labels=_file(
        "t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c", "27ae3e4e09519cfbb04c329615203637"
    ),
)

DESCRIPTION = """\
MNIST: handwritten digits, 28 x 28 pixels, values byte / 255 in [0, 1], 10 classes.
Splits: train = the first 50,000 of the training file, validation = its last 10,000, test = the 10,000 of the test file.
Found as mnist/*-ubyte or mnist/*-ubyte.gz in the data directory; the MD5 of every unpacked file is verified."""


def load_mnist() -> Dataset:
    """Load MNIST: 50,000 training, 10,000 validation and 10,000 test images.

    Returns
    -------
    Dataset
        784 features in [0, 1].

    Raises
    ------
    DatasetNotFound
        If a file is neither on this machine nor can be fetched.
    ValueError
        If a file is not the published one.
    """
    return load_idx_dataset("mnist", FILES, [str(digit) for digit in range(10)], DESCRIPTION)
