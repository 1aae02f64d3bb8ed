"""The audit log: who asked about whom, one line for each call."""
