"""Evaluations with language models."""
