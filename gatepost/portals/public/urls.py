from django.urls import path

from gatepost.portals.public import (
    announcements,
    front,
    health,
    line,
    reach,
    robots,
    schools,
    sms,
    standing,
    status,
    unsubscribe,
)

urlpatterns = [
    path("", front.front, name="front"),
    path("announcements/", announcements.history, name="announcements"),
    path("announcements/<int:announcement_id>/", announcements.announcement, name="announcement"),
    path("introduction/", standing.introduction, name="introduction"),
    path("guide/", standing.guide, name="guide"),
    path("questions/", standing.faq, name="faq"),
    path("card-lost/", standing.lost_card, name="lost-card"),
    path("without-a-card/", standing.no_card, name="no-card"),
    path("privacy/", standing.privacy, name="privacy"),
    path("privacy/<int:version>/", standing.privacy, name="privacy-version"),
    path("find-school/", schools.choose, name="school-chooser"),
    path("find-school/<code:code>/", schools.school, name="school-page"),
    path("status/", status.status, name="status"),
    path("robots.txt", robots.robots, name="robots"),
    path("unsubscribe/<str:token>/", unsubscribe.unsubscribe, name="unsubscribe"),
    path("reach/<str:token>/", reach.answer, name="reach-answer"),
    path("line/webhook", line.told, name="line-webhook"),
    path("text-messages/reports/<str:token>/", sms.reported, name="sms-report"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
