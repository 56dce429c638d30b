"""Gatepost: a tap at the school gate becomes a message home.

The rooms and the floors they stand on are drawn in `docs/architecture.md`.
"""
