"""Observability: the log, spans, and where they are exported to."""
