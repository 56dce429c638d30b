"""What short messages a school pays for: its budget of each month, the families' months, and what may go by them.

Not how they are sent (`notify.sms`), nor what they say (`attendance.notices`).
"""
