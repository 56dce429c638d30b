"""Identities of the city and the state with which people sign in: Taipei Pass, TW FidO, Mobile ID.

Each is one small module that talks to the other side and ends with an `Identity`: a subject, and the ID number it
proves. What an identity opens is decided in one place (`links`): the account that its owner connected, or the one
account that has proven the number. Nobody gets an account here, and nothing is ever matched by email or name.

What is published about the three is little; each module says which facts are certain. What it sends and reads is in one
class (`CityShape`, `OpenIdShape`, `FidoClient`, `MobileIdClient`), so that a city with the contract in hand changes
that class and nothing else.
"""
