"""Who works here, in which role, and inviting them: the same pages for a school, the bureau and the operator."""
