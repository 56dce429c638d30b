"""Two invented services of the demonstration city, which people sign in to with their account here.

A small process beside Gatepost, of nothing but the standard library: it speaks OpenID Connect as any service would,
and shows what it learned. `offers` says who they are, `registration` (in Gatepost) registers them.
"""
