"""The bond between a guardian and a child, and the restriction that cuts it.

A bond counts from `verified_at` until `ended_at`. This room alone opens and closes the post office's recipients,
in the transaction that changes the bond.
"""
