"""What every exchange must pass, end to end: see `tests.conformance.suite`."""
