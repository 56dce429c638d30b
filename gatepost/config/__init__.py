"""Wiring only: settings, urls, the ASGI entry, and every clock in one list."""
