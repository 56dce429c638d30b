"""The post office: topics, who may be told about whom, addresses, subscriptions, notices, deliveries.

It does not know what a student is: `about` is an opaque id, and a `Recipient` row, put there by the room that
proved the bond, is the only thing that lets a notice about it reach an account. A delivery is looked at again
when it is sent, so ending the recipient stops what is already queued.
"""
