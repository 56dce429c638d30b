"""Reading OneRoster 1.2 CSV (and 1.1, as far as it is alike) into the tables of `roster.imports.stage`.

How its files become districts' schools, classes, students, guardians and staff: `docs/protocols/oneroster.md`.
"""
