"""The transparency log and its verifier. This package imports no other part of Saxaul, so it can be shipped alone."""
