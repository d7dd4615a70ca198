"""The trusted arithmetic: upper ends of polars recomputed from a proof, with no solver and no search."""
