"""A family's application to be bound to a child: from the first sign-in to the school's decision.

The family fills in, consents and submits; the school returns, refuses or approves. Nothing here makes a bond: that
is `bonds`, once an applicant has an account.
"""
