"""Taking over a school's or a city's roster from files: look through first, then apply, and undo if need be.

Two forms are read, `roster.oneroster` and `roster.spreadsheet`. Both stream their rows into the same temporary tables
(`stage`); what is new, changed or leaving is found there by set (`match`, `diff`) and written by set (`apply`), all in
one transaction, with what stood before (`undo`). `run` holds the three acts.

An import speaks of districts' schools, classes, students, the guardians as the school recorded them, and staff. It
never touches guardianships, restrictions, roles, cards or attendance, and it never deletes a student.
"""
