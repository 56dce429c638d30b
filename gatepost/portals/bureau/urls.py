from django.urls import path

from gatepost.portals.bureau import announcements, closures, services, survey, today
from gatepost.portals.people.offices import at_bureau
from gatepost.portals.people.urls import under

urlpatterns = [
    path("today/", today.today, name="bureau-today"),
    path("announcements/", announcements.announcements, name="bureau-announcements"),
    path("announcements/new/", announcements.new, name="bureau-announcement-new"),
    path("announcements/<int:announcement_id>/", announcements.edit, name="bureau-announcement-edit"),
    path("announcements/<int:announcement_id>/end/", announcements.end, name="bureau-announcement-end"),
    path("closures/new/", closures.new, name="bureau-closure"),
    path("survey/", survey.survey, name="bureau-survey"),
    *under(at_bureau, "bureau"),
    path("services/", services.services, name="bureau-services"),
    path("services/new/", services.new, name="bureau-service-new"),
    path("services/<uuid:service_id>/", services.service, name="bureau-service"),
    path("services/<uuid:service_id>/change/", services.change, name="bureau-service-change"),
    path("services/<uuid:service_id>/secret/", services.secret, name="bureau-service-secret"),
    path("services/<uuid:service_id>/stop/", services.stop, name="bureau-service-stop"),
]
