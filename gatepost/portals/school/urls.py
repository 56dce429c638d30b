from django.urls import path

from gatepost.portals.school import (
    calendar,
    correction,
    deliveries,
    entries,
    leaves,
    readers,
    release,
    rules,
    schools,
    students,
    today,
)

urlpatterns = [
    path("", schools.schools, name="schools"),
    path("<code:code>/today/", today.today, name="school-today"),
    path("<code:code>/today/board/", today.board, name="school-board"),
    path("<code:code>/release/", release.release, name="school-release"),
    path("<code:code>/correction/", correction.correction, name="school-correction"),
    path("<code:code>/entries/new/", entries.new, name="school-entry"),
    path("<code:code>/students/", students.students, name="school-students"),
    path("<code:code>/students/<uuid:student_id>/", students.today, name="school-student-today"),
    path("<code:code>/students/<uuid:student_id>/seen/", entries.seen, name="school-seen"),
    path("<code:code>/students/<uuid:student_id>/leave/", leaves.new, name="school-leave"),
    path("<code:code>/students/<uuid:student_id>/days/<date:day>/", students.one_day, name="school-student-day"),
    path(
        "<code:code>/students/<uuid:student_id>/days/<date:day>/events/<int:event_id>/void/",
        entries.void,
        name="school-void",
    ),
    path("<code:code>/readers/", readers.readers, name="school-readers"),
    path("<code:code>/readers/new/", readers.new, name="school-reader-new"),
    path("<code:code>/readers/<uuid:reader_id>/", readers.reader, name="school-reader"),
    path("<code:code>/readers/<uuid:reader_id>/rest/", readers.rest, name="school-reader-rest"),
    path("<code:code>/readers/<uuid:reader_id>/key/", readers.renew, name="school-reader-key"),
    path("<code:code>/readers/<uuid:reader_id>/revocation/", readers.revoke, name="school-reader-revocation"),
    path("<code:code>/calendar/", calendar.month, name="school-calendar"),
    path("<code:code>/calendar/<date:day>/", calendar.edit, name="school-calendar-day"),
    path("<code:code>/rules/", rules.edit, name="school-rules"),
    path("<code:code>/deliveries/", deliveries.unreached, name="school-deliveries"),
]
