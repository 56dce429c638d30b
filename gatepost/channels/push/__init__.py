"""Web push: a short message to one browser, through the push service that its maker runs.

subscription.py  what a browser gives: where, and with which keys
encryption.py    the message, so that only that browser reads it (RFC 8291, RFC 8188)
vapid.py         who sends it, so that the service takes it from nobody else (RFC 8292)
service.py       handing it over (RFC 8030), and what the answers mean
"""
