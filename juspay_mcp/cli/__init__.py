"""The command line: commands for people and scripts."""
