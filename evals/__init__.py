"""Evals: whether a model that is given this server asks it rightly, and tells the truth about what came back."""
