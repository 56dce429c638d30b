from django.urls import path

from gatepost.portals.binding import (
    consent,
    data,
    emails,
    entrance,
    letter,
    papers,
    people,
    schools,
    status,
    submission,
)

urlpatterns = [
    path("", schools.choose, name="binding-schools"),
    path("<code:code>/", entrance.sign_in, name="binding-sign-in"),
    path("password/", entrance.password, name="binding-password"),
    path("letter/", letter.by_code, name="binding-letter"),
    path("letter/<str:letter_code>/", letter.link, name="binding-letter-link"),
    path("leave/", entrance.leave, name="binding-leave"),
    path("status/", status.status, name="binding-status"),
    path("data/", data.check, name="binding-data"),
    path("consent/", consent.answer, name="binding-consent"),
    path("consent/end/", consent.end, name="binding-consent-end"),
    path("kind/", people.kind, name="binding-kind"),
    path("people/", people.people, name="binding-people"),
    path("email/<int:position>/", emails.prove, name="binding-email"),
    path("documents/", papers.papers, name="binding-documents"),
    path("summary/", submission.summary, name="binding-summary"),
    path("withdrawal/", submission.withdrawal, name="binding-withdrawal"),
]
