from django.urls import path

from gatepost.portals.bureau import announcements, closures, today
from gatepost.portals.people.offices import at_bureau
from gatepost.portals.people.urls import under

urlpatterns = [
    path("today/", today.today, name="bureau-today"),
    path("announcements/", announcements.announcements, name="bureau-announcements"),
    path("announcements/new/", announcements.new, name="bureau-announcement-new"),
    path("announcements/<int:announcement_id>/end/", announcements.end, name="bureau-announcement-end"),
    path("closures/new/", closures.new, name="bureau-closure"),
    *under(at_bureau, "bureau"),
]
