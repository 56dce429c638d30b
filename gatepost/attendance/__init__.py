"""School days, arrivals and departures, leave, and the not-arrived sweep.

A day is what its events say, in whatever order they came: `arrivals` folds events into days, `sweep` asks the
tables who has not been seen, and only on complete data. Not the formal register: a person decides that.
"""
