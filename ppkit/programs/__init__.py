"""What goes through CVXPY."""
