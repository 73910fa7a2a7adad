"""What the product knows: books, consolidation, slicing, fills, orders, use cases.

Imports `twap.ports` and the standard library without I/O, clocks or chance. Nothing else.
"""
