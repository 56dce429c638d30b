"""Questions that families are asked, and what they answered: counts for who asked, never who said what.

Today there is one survey: the city's, once a term, on how content families are with Gatepost. Not for what a school has
to know of somebody (consents, slips): there the answer has a name.
"""
