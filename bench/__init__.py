"""The benchmarks: this server beside a floor, and beside what a user would write instead."""
