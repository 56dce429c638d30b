"""People who sign in, and how. An account is a person with an email address, whatever they are to a school.

Not here: what they may see (access), whose guardian they are (guardians), where they work (roster).
National ID numbers never are: they belong to people in the roster.
"""
