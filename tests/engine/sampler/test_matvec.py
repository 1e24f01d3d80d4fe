"""Matrices times vectors, in every way that weights are kept."""

from __future__ import annotations

import numpy as np
import pytest

from engine.sampler.dreamer import aligned_copy
from engine.sampler.matvec import address, caller, cells_address, dot_address, packed
from engine.sampler.storage import factors_of, from_bfloat16, from_int8, to_bfloat16, to_int8

RNG = np.random.default_rng(3)


def kept(matrix, storage):
    if storage == "bfloat16":
        return from_bfloat16(to_bfloat16(matrix))
    if storage == "int8":
        return from_int8(to_int8(matrix, factors_of(matrix)), factors_of(matrix))
    return matrix


def times(matrix, vector, storage, columns):
    weights = aligned_copy(packed(matrix, storage, len(vector)))
    sums = aligned_copy(np.ones(-(-len(matrix) // 128) * 128, np.float32))
    given = aligned_copy(vector)
    places = (a.ctypes.data for a in (weights, given, sums))
    caller(address(storage))(*places, columns)
    return sums[: len(matrix)] - 1.0


@pytest.mark.parametrize("storage", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("rows", [5, 128, 300])
def test_the_product_is_that_of_the_rounded_weights(storage, rows):
    matrix = RNG.normal(0.0, 0.1, (rows, 38)).astype(np.float32)
    vector = RNG.normal(size=38).astype(np.float32)
    exact = kept(matrix, storage).astype(float) @ vector
    np.testing.assert_allclose(times(matrix, vector, storage, 38), exact, atol=1e-6)


@pytest.mark.parametrize("storage", ["float32", "bfloat16", "int8"])
def test_only_the_first_columns_count_where_fewer_are_asked_for(storage):
    matrix = RNG.normal(0.0, 0.1, (256, 64)).astype(np.float32)
    vector = RNG.normal(size=64).astype(np.float32)
    exact = kept(matrix, storage).astype(float)[:, :10] @ vector[:10]
    np.testing.assert_allclose(times(matrix, vector, storage, 10), exact, atol=1e-6)


def test_a_row_of_zeros_stays_one():
    matrix = np.zeros((20, 16), np.float32)
    assert not times(matrix, np.ones(16, np.float32), "int8", 16).any()


def test_one_row_alone():
    weights, vector = (aligned_copy(RNG.normal(size=48).astype(np.float32)) for _ in range(2))
    out = np.ones(1, np.float32)
    places = (a.ctypes.data for a in (weights, vector, out))
    caller(dot_address())(*places, 48)
    assert out[0] == pytest.approx(1.0 + weights.astype(float) @ vector, abs=1e-5)


def test_cells_are_an_lstms():
    sums = aligned_copy(RNG.normal(size=(4, 32)).astype(np.float32))
    cells = aligned_copy(RNG.normal(size=32).astype(np.float32))
    states, before = aligned_copy(np.zeros(32, np.float32)), cells.astype(float)
    i, f, g, o = sums.astype(float)

    def sigmoid(x):
        return 1.0 / (1.0 + np.exp(-x))

    after = sigmoid(f) * before + sigmoid(i) * np.tanh(g)
    places = (a.ctypes.data for a in (sums, cells, states))
    caller(cells_address())(*places, 32)
    np.testing.assert_allclose(cells, after, atol=1e-6)
    np.testing.assert_allclose(states, sigmoid(o) * np.tanh(after), atol=1e-6)
