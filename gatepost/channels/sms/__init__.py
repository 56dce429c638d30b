"""Short messages: which numbers, how many segments, and two ways to hand them over.

numbers.py    which numbers can be used at all, and their one form
segments.py   what a text costs, and its parts on the air
gateway.py    what every gateway promises
smpp.py       SMPP 3.4, as carriers and aggregators speak it
smpp_link.py  one connection of it
mitake.py     Mitake's HTTP interface
"""
