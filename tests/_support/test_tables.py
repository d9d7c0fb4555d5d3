"""Aligned tables of text."""

from __future__ import annotations

import pytest

from minisnn._support.tables import align


def test_the_first_column_is_words_the_others_are_numbers() -> None:
    text = align(["what", "ms"], [["a", "1.5"], ["longer", "12.25"]])
    assert text.splitlines() == ["what       ms", "------  -----", "a         1.5", "longer  12.25"]


def test_more_columns_may_be_words() -> None:
    text = align(["what", "how", "ms"], [["a", "slow", "12.25"]], n_left=2)
    assert text.splitlines() == ["what  how      ms", "----  ----  -----", "a     slow  12.25"]


def test_a_table_may_have_no_rows() -> None:
    assert align(["what", "ms"], []).splitlines() == ["what  ms", "----  --"]


def test_rows_are_as_long_as_the_header() -> None:
    with pytest.raises(ValueError, match="shorter"):
        align(["what", "ms"], [["a"]])
