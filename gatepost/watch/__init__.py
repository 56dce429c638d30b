"""What the machines that watch over Gatepost ask for: counters that only grow, and when each loop last ran.

They are rows, so that any process answers for all of them. Not a log of what happened (the rooms' own tables are that)
and not the figures themselves: `portals/public/figures.py` gathers those for `/metrics`.
"""
