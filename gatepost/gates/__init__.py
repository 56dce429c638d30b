"""Readers at the gates of schools, and the taps they hand in.

Intake keeps every tap with its own time, once, and answers; what a tap means is not decided here.
"""
