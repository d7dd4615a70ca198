"""Norms whose values are polars: what is searched for below, and the proofs that bound them from above."""
