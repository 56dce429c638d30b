"""LINE: text messages of an official account to people who linked theirs, by the Messaging API.

api.py        one request, bounded in time and size
replies.py    what LINE's refusals mean
messages.py   which messages travel together, and under which retry key
transport.py  many of them side by side
webhook.py    what LINE tells us, once its signature is right
"""
