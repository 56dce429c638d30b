from django.urls import path

from gatepost.portals.app import receipts, views

urlpatterns = [
    path("manifest.webmanifest", views.manifest, name="manifest"),
    path("worker.js", views.worker, name="worker"),
    path("offline/", views.offline, name="offline"),
    path("push/receipts/", receipts.receipt, name="push-receipt"),
    path("push/renewals/", receipts.renewal, name="push-renewal"),
]
