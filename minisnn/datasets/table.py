"""Table of data sets: one row has all facts about one of them.

Loading, downloads, the cache, sweeps, scripts and messages follow from the rows; a data set is
added by adding a row, and a line to docs/datasets.md.

Sources of the SHA-256 sums of Fashion-MNIST and Kuzushiji-MNIST: torchvision's prototype data sets
(prototype/datasets/_builtin/mnist.py) and TensorFlow Datasets (url_checksums), which agree. Of
EMNIST: TensorFlow Datasets and MLDatasets.jl, which agree; the archive of that name which
torchvision's prototype takes from elsewhere has another sum.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass

from ..data import FOLDER, SHA256
from .idx import gzip_size, idx_size


@dataclass(frozen=True, kw_only=True)
class Row:
    """A data set of images in IDX files: to train on and to test on, images and labels of each.

    Parameters
    ----------
    title : str
        Title in texts.
    folders : tuple of str
        Possible places of files in the folder MINISNN_DATA: ``""`` is that folder itself.
        The first is the one in the cache, too, and what messages name.
    addresses : tuple of str
        Addresses of the publishers, each up to the name of a file. None: they come with minisnn.
    sums : mapping of str to str
        SHA-256 of each file. If the name ends with .gz or .zip, it is that of the file as
        published, else that of the uncompressed content of a file that may be gzipped. The order
        is: training images, training labels, test images, test labels.
    n_train, n_test : int
        Samples.
    classes : tuple of str
        Meaning of each label.
    shape : tuple of int
        Rows and columns of an image.
    members : tuple of str
        In the same order, where the one file is a zip archive that holds them.
    archive_size : int
        Bytes of that archive.
    transposed : bool
        Whether images are stored column by column, to be turned upright.
    first_label : int
        Number of the first class in the files; here it is 0.
    note : str
        Description of the source, instead of the location of the files.

    Examples
    --------
    >>> from minisnn.datasets.table import TABLE
    >>> row = TABLE["emnist-letters"]
    >>> row.n_features, len(row.classes), row.first_label
    (784, 26, 1)
    """

    title: str
    folders: tuple[str, ...]
    addresses: tuple[str, ...]
    sums: Mapping[str, str]
    n_train: int
    n_test: int
    classes: tuple[str, ...]
    shape: tuple[int, int] = (28, 28)
    members: tuple[str, ...] = ()
    archive_size: int = 0
    transposed: bool = False
    first_label: int = 0
    note: str = ""

    @property
    def n_features(self) -> int:
        """Pixels of an image."""
        return self.shape[0] * self.shape[1]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of the array in each IDX file."""
        train, test = ((n, *self.shape) for n in (self.n_train, self.n_test))
        names = self.members or self.sums
        return dict(zip(names, (train, train[:1], test, test[:1]), strict=True))

    def largest(self, name: str) -> int:
        """Return the most bytes that a file of this name may have."""
        return self.archive_size if self.members else gzip_size(idx_size(self.shapes[name]))


_DIGITS = tuple(string.digits)


def _emnist(split: str, n_train: int, n_test: int, classes: str, first_label: int = 0) -> Row:
    return Row(
        title=f"EMNIST {split}",
        folders=("emnist",),
        addresses=("https://biometrics.nist.gov/cs_links/EMNIST/",),
        sums={"gzip.zip": "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e"},
        archive_size=561_753_746,
        members=tuple(
            f"gzip/emnist-{split}-{part}-{kind}-ubyte.gz"
            for part in ("train", "test")
            for kind in ("images-idx3", "labels-idx1")
        ),
        n_train=n_train,
        n_test=n_test,
        classes=tuple(classes),
        transposed=True,
        first_label=first_label,
    )


TABLE = {
    "mnist": Row(
        title="MNIST",
        folders=("mnist", ""),
        addresses=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        sums={
            "train-images-idx3-ubyte": (
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
            ),
            "train-labels-idx1-ubyte": (
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
            ),
            "t10k-images-idx3-ubyte": (
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
            ),
            "t10k-labels-idx1-ubyte": (
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
            ),
        },
        n_train=60_000,
        n_test=10_000,
        classes=_DIGITS,
    ),
    "sample": Row(
        title="MNIST",
        folders=(str(FOLDER),),
        addresses=(),
        sums=SHA256,
        n_train=4_000,
        n_test=1_000,
        classes=_DIGITS,
        note="embedded sample: 5,000 digits of MNIST's training set",
    ),
    "fashion": Row(
        title="Fashion-MNIST",
        folders=("fashion",),
        addresses=(
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ),
        sums={
            "train-images-idx3-ubyte.gz": (
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
            ),
            "train-labels-idx1-ubyte.gz": (
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
            ),
        },
        n_train=60_000,
        n_test=10_000,
        classes=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
            "Bag", "Ankle boot",
        ),
    ),
    "kmnist": Row(
        title="Kuzushiji-MNIST",
        folders=("kmnist",),
        addresses=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        sums={
            "train-images-idx3-ubyte.gz": (
                "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"
            ),
            "train-labels-idx1-ubyte.gz": (
                "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"
            ),
            "t10k-images-idx3-ubyte.gz": (
                "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"
            ),
            "t10k-labels-idx1-ubyte.gz": (
                "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"
            ),
        },
        n_train=60_000,
        n_test=10_000,
        classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    ),
    "emnist-balanced": _emnist(
        "balanced",
        112_800,
        18_800,
        string.digits + string.ascii_uppercase + "abdefghnqrt",  # the others merged with uppercase
    ),
    "emnist-letters": _emnist("letters", 124_800, 20_800, string.ascii_lowercase, first_label=1),
    "emnist-digits": _emnist("digits", 240_000, 40_000, string.digits),
}  # fmt: skip
"""By the names that `minisnn.datasets.load` takes."""
