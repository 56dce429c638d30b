from django.urls import path

from gatepost.portals.public import announcements, front, health, line, sms, unsubscribe

urlpatterns = [
    path("", front.front, name="front"),
    path("announcements/", announcements.history, name="announcements"),
    path("announcements/<int:announcement_id>/", announcements.announcement, name="announcement"),
    path("unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("line/webhook", line.told, name="line-webhook"),
    path("text-messages/reports/<str:token>/", sms.reported, name="sms-report"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
