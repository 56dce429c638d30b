"""The one door to a child's data: who may do what, at which school, to which student.

Every page names its rule (`doors`); one without a rule is refused. Rows about a child are reached only through
`queries`, starting from the person who asks.
"""
