"""The functions that give the same bits everywhere also give the right ones."""

import math

from hypothesis import given, settings, strategies as st

from wim.kernels.elementary import cosine, exponential, logarithm


@settings(deadline=None)  # the first call compiles
@given(st.floats(-690.0, 690.0))
def test_the_exponential_is_right_to_the_last_bits(x):
    assert math.isclose(exponential(x), math.exp(x), rel_tol=1e-15)


@settings(deadline=None)  # the first call compiles
@given(st.floats(1e-290, 1e290))
def test_the_logarithm_is_right_to_the_last_bits(x):
    assert math.isclose(logarithm(x), math.log(x), rel_tol=1e-15, abs_tol=1e-15)


@settings(deadline=None)  # the first call compiles
@given(st.floats(-1e4, 1e4))
def test_the_cosine_is_right_to_ten_digits(x):
    assert abs(cosine(x) - math.cos(x)) < 1e-10


def test_a_vanishing_exponential_is_zero():
    assert exponential(-1e9) == 0.0
