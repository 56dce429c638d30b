"""What a school says to the families of some of its children: class notices, to be read and signed, and messages.

News for everybody stands in `announcements`. What attendance has to say writes itself; here people write.
"""
