"""Gatepost."""
