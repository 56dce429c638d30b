"""The ways out of the house: each folder sends one kind of message, or raises ChannelError.

A channel knows nothing of students, notices or settings: the caller hands it a frozen dataclass with what it needs. It
keeps no tables.
"""
