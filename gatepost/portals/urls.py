from django.urls import include, path

from gatepost.portals import converters

converters.register()

urlpatterns = [
    path("", include("gatepost.portals.public.urls")),
    path("", include("gatepost.portals.app.urls")),
    path("", include("gatepost.portals.signin.urls")),
    path("", include("gatepost.portals.sso.urls")),
    path("apply/", include("gatepost.portals.binding.urls")),
    path("family/", include("gatepost.portals.guardian.urls")),
    path("family/", include("gatepost.portals.claiming.urls")),
    path("schools/", include("gatepost.portals.school.urls")),
    path("bureau/", include("gatepost.portals.bureau.urls")),
    path("operator/", include("gatepost.portals.operator.urls")),
]
