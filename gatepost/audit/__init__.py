"""Who did what to whom, and who looked: rows that are written once and never change.

Not a log of the machine (that is the log) and not a history of every column: an entry is an act a person
answers for, named `subject:action`.
"""
