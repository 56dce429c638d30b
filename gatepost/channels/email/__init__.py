"""Email: render a mail, sign it, hand it to the relay, and understand what comes back.

message.py    compiled templates: slots in, bytes out
headers.py    header values: encoded words, folding
address.py    which addresses can be used at all
dkim.py       the signature
transport.py  one connection to the relay, kept open
pool.py       several of them side by side
replies.py    what the relay's answers mean
bounce.py     the signed return address, and reports sent to it
"""
