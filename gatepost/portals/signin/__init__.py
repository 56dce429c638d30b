"""Signing in and out. Only this portal and `accounts` know the library that does it."""
