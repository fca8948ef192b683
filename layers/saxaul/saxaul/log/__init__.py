"""The transparency log, and its verifier. It imports nothing else of Saxaul, so that it can be shipped alone."""
