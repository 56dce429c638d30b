"""Where Django looks for tables to show; what is shown stands with the operator's pages."""

from gatepost.portals.operator import tables  # noqa: F401
