"""The tools every room may use: the clock, sealed fields, partitions, the worker's loops.

No tables, no knowledge of schools or children. What only one room needs belongs in that room.
"""
