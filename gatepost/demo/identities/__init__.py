"""Simulators of the identities that `gatepost.upstream` takes, with invented people: for demonstrations and tests.

One small process, on this machine only: `python -m gatepost.demo.identities`. `gatepost up` starts it in a
demonstration and points the settings at it; an installation that is not one takes no such address.

    server.py       requests and answers, and who may ask
    people.py       who there is
    taipei_pass.py  the authorization code flow of the city's own applications
    twfido.py       the ministry's service for TW FidO, and the phone of whoever is asked
    mobile_id.py    the portal for telephone numbers
"""
