"""The city's own sign-in for other services, by OpenID Connect: who they are, what a person gave them, their tokens.

A service learns of a child only what a guardian gave it for that child, and only while the guardian's bond lets them;
that is asked anew at each use. The protocol itself is the library's (`django-oauth-toolkit`), reached through its
public hooks; its pages stand in `portals.sso`.
"""
