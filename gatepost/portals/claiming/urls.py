from django.urls import path

from gatepost.portals.claiming import child, consent, papers, person, status, submission

urlpatterns = [
    path("children/new/", child.choose, name="claim-new"),
    path("children/new/<code:code>/", child.name, name="claim-child"),
    path("claims/<uuid:claim_id>/", status.status, name="claim-status"),
    path("claims/<uuid:claim_id>/consent/", consent.answer, name="claim-consent"),
    path("claims/<uuid:claim_id>/consent/end/", consent.end, name="claim-consent-end"),
    path("claims/<uuid:claim_id>/person/", person.person, name="claim-person"),
    path("claims/<uuid:claim_id>/documents/", papers.papers, name="claim-documents"),
    path("claims/<uuid:claim_id>/summary/", submission.summary, name="claim-summary"),
    path("claims/<uuid:claim_id>/withdrawal/", submission.withdrawal, name="claim-withdrawal"),
]
