"""What a person may ask of us about themselves (Personal Data Protection Act, articles 3, 10 and 11): a copy of what is
kept, and the end of the account. It reads every room's rows and keeps none but its own; who may see a child is asked of
`access`, as on every page.
"""
