"""Which card is whose, since when, and until when. A card identifies; it proves nothing.

Numbers are kept in one canonical form (`numbers`): the bytes in the chip's order, as upper-case hex.
"""
