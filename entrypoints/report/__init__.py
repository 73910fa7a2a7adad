"""The page of an order's report, and its pictures."""
