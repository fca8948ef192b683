"""Saxaul: green actions become points, points become trees that anyone can check."""
