"""Experiments: grids of certified fits, and what the population says about them."""
