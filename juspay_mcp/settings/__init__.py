"""Settings: the environment variables, their rules, and the files and secrets they name."""
