"""The columns we read from each OneRoster file, under the spellings they are met with (in lower case)."""

from typing import Final

ORGS: Final = {
    "sourcedId": ("sourcedid",),
    "status": ("status",),
    "type": ("type",),
    "identifier": ("identifier",),
}
SESSIONS: Final = {
    "sourcedId": ("sourcedid",),
    "schoolYear": ("schoolyear",),
    "startDate": ("startdate",),
}
CLASSES: Final = {
    "sourcedId": ("sourcedid",),
    "status": ("status",),
    "title": ("title",),
    "grades": ("grades", "grade"),
    "classCode": ("classcode",),
    "classType": ("classtype",),
    "schoolSourcedId": ("schoolsourcedid",),
    "termSourcedIds": ("termsourcedids", "termsourcedid", "terms"),
}
USERS: Final = {
    "sourcedId": ("sourcedid",),
    "status": ("status",),
    "username": ("username",),
    "userIds": ("userids", "userid"),
    "givenName": ("givenname",),
    "familyName": ("familyname",),
    "identifier": ("identifier",),
    "email": ("email",),
    "sms": ("sms",),
    "phone": ("phone",),
    "agentSourcedIds": ("agentsourcedids", "agents"),
    "grades": ("grades", "grade"),
    "idNumber": ("metadata.idno", "metadata.idnumber", "metadata.nationalid", "metadata.身分證字號"),
    "seat": ("metadata.seat", "metadata.seatnumber", "metadata.座號", "metadata.jp.attendancenumber"),
    "relation": ("metadata.relation", "metadata.relationship", "metadata.稱謂", "metadata.關係"),
    "title": ("metadata.title", "metadata.jobtitle", "metadata.職稱"),
}
ROLES: Final = {
    "userSourcedId": ("usersourcedid",),
    "endDate": ("enddate",),
    "status": ("status",),
    "roleType": ("roletype",),
    "role": ("role",),
    "orgSourcedId": ("orgsourcedid",),
}
# In 1.1 a user has one role, beside it in users.csv, and there is no roles.csv.
ROLES_OF_USERS: Final = {
    "userSourcedId": ("sourcedid",),
    "endDate": (),
    "status": ("status",),
    "roleType": (),
    "role": ("role",),
    "orgSourcedId": ("orgsourcedids", "orgsourcedid"),
}
DEMOGRAPHICS: Final = {
    "sourcedId": ("sourcedid", "usersourcedid"),
    "birthDate": ("birthdate",),
}
ENROLLMENTS: Final = {
    "classSourcedId": ("classsourcedid",),
    "userSourcedId": ("usersourcedid",),
    "status": ("status",),
    "role": ("role",),
    "primary": ("primary",),
    "endDate": ("enddate",),
    "seat": ("metadata.seat", "metadata.seatnumber", "metadata.座號", "metadata.jp.attendancenumber"),
}
# The types in userIds ({type:id}) that mean the national ID or residence number.
ID_TYPES: Final = ("idno", "idnumber", "id_number", "nationalid", "national_id", "residentid", "身分證字號", "居留證號")
