"""An embedded sample of real MNIST: 5,000 training digits, split 4,000 / 1,000.

Where it comes from, under which licence, and how it was made: README.md beside this file.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
"""Folder with the four files, named as those of MNIST."""

SHA256 = {
    "train-images-idx3-ubyte": "41fcc99dc5febfff05b2c695115ab87b2d6d5c59525649686ccb7df54d37dfc9",
    "train-labels-idx1-ubyte": "39f32862f8445a37ac2198a108eaa89409b65842e17099cff0decb9947ef45e5",
    "t10k-images-idx3-ubyte": "4a5ef69b65214035545545254c99a295238f3422c1cd2572bf752453cf9e978e",
    "t10k-labels-idx1-ubyte": "269ecbc6b9d1255bfaf6a62a1eba208034491ca4df872ab8c3531975085962c3",
}
"""SHA-256 of the uncompressed content of each file."""
