"""Gatepost on a phone's home screen: the manifest, the service worker, and what is shown without a network.

The worker keeps two things: the page that says "you are offline", the same for everybody; and what the family's home
page last said, in the past tense, for one sign-in and its children alone. It forgets the second at the first answer
that is for anybody else.
"""
