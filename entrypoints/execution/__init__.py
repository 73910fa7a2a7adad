"""Executes the orders that this process has claimed."""
