from django.contrib.admin.apps import SimpleAdminConfig


class TablesConfig(SimpleAdminConfig):
    """Django's admin, with our site; only the tables that `tables` names."""

    default_site = "gatepost.portals.operator.site.Tables"
