"""Districts, schools, years, classes, students, their guardians as the school recorded them, and staff.

What the school's own system says. A guardian's record here is no bond: knowing a child's data proves nothing
(guardians), and a student's place here opens nothing by itself (access).
"""
