"""What is said between the rooms: value types, Protocols, errors, hook specifications.

Imports the standard library alone (and pluggy, in `twap.ports.hooks`).
"""
