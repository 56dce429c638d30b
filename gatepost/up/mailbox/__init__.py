"""The demonstration's mail catcher: takes every mail of an invented city, and shows it on a page.

One small process without Django, listening on this machine only: `python -m gatepost.up.mailbox`. No mail leaves it,
and nothing on the network reaches it: it binds 127.0.0.1, answers to no other name, and shows mails without letting
them do anything.

    server.py  both listeners, start and end
    smtp.py    takes mails in
    store.py   keeps them: a file each, the newest 20,000
    http.py    requests and answers, and who may ask
    routes.py  what there is to ask for
    pages.py   how it looks
    letter.py  one mail, read for showing
"""
