"""A school's pages: today, students, entries by hand, readers, the calendar, who was not reached."""
