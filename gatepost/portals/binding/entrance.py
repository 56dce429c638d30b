"""Signing in with the student's number, and the family's own password before anything else."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from gatepost.access.doors import PUBLIC, open_to
from gatepost.accounts.models import Account
from gatepost.accounts.passwords import is_known_of
from gatepost.announcements import queries as news
from gatepost.guardians.applications import entrance, queries
from gatepost.guardians.applications.entrance import EntranceRefused
from gatepost.guardians.applications.models import Desk
from gatepost.portals.binding import human
from gatepost.portals.binding.family import enter, first_family, forget, frame
from gatepost.portals.frame import page
from gatepost.portals.moment import now_of
from gatepost.portals.public.news import only_titles
from gatepost.portals.signin.guessed import known_of_child
from gatepost.portals.visitor import network_address
from gatepost.roster import identity_numbers
from gatepost.roster.models import School, Student

NEWS_SHOWN = 4
_SET_BY_NUMBER = gettext_lazy("Your password is set. The ID number opens nothing any more.")
_SET_BY_LETTER = gettext_lazy("Your password is set. The letter is used up, and the ID number opens nothing any more.")
HUMAN_FAULTS = {
    "missing": gettext_lazy("Please tick the box “I am a person” first, and wait until it says that it is done."),
    "expired": gettext_lazy("The check that you are a person was too long ago. Please tick the box again."),
    "used": gettext_lazy("This check was used already. Please tick the box again."),
    "wrong": gettext_lazy("The check that you are a person did not work. Please tick the box again."),
}


class SignInForm(forms.Form):
    account = forms.CharField(
        label=gettext_lazy("Account"),
        max_length=40,
        help_text=gettext_lazy("P and the student number, for example P10301123. It is on the student card."),
        error_messages={"required": gettext_lazy("Type P and the student number.")},
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    secret = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=200,
        strip=False,
        help_text=gettext_lazy("The first time: the student’s whole ID or residence number. Later: your own password."),
        error_messages={"required": gettext_lazy("Type the password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class PasswordForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("New password"),
        max_length=200,
        strip=False,
        help_text=gettext_lazy("At least ten characters, and no ID number. With it you come back to this application."),
        error_messages={"required": gettext_lazy("Type a password.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=gettext_lazy("The same once more"),
        max_length=200,
        strip=False,
        error_messages={"required": gettext_lazy("Type the password once more.")},
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, student: Student, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._student_number = student.number
        self._family = Account()
        is_known_of(self._family, known_of_child(student))

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password, self._family)
        if identity_numbers.is_valid(identity_numbers.normalise(password)):
            raise ValidationError(_("An ID number is no password: others can know it. Choose something else."))
        if self._student_number.lower() in password.lower():
            raise ValidationError(_("Leave the student number out of the password: it is on the card."))
        return password

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if "password" in cleaned and "again" in cleaned and cleaned["password"] != cleaned["again"]:
            self.add_error("again", _("The two passwords are not the same. Type the second one again."))
        return cleaned


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest, code: str) -> HttpResponse:
    """The family's sign-in at one school, beside the school's news."""
    school = School.objects.select_related("district").filter(code=code).first()
    if school is None:
        raise Http404("no such school")
    if not queries.schools_that_take_applications().filter(pk=school.pk).exists():
        return page(request, "binding/not_open.html", frame(request), school=school)
    form = SignInForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and _came_in(request, school, form):
        return redirect("binding-status")
    announced = news.headlines(now=now_of(request), schools=[school], number=NEWS_SHOWN)
    return page(
        request,
        "binding/sign_in.html",
        frame(request),
        form=form,
        school=school,
        contact=Desk.objects.get(school=school).contact,
        challenge=human.challenge(now=now_of(request)),
        announcements=only_titles(announced),
    )


def _came_in(request: HttpRequest, school: School, form: SignInForm) -> bool:
    fault = human.fault(request.POST.get(human.FIELD, ""), now=now_of(request))
    if fault:
        form.add_error(None, str(HUMAN_FAULTS[fault]))
        return False
    try:
        entered = entrance.sign_in(
            school,
            form.cleaned_data["account"],
            form.cleaned_data["secret"],
            address=network_address(request),
            ring=settings.KEY_RING,
            now=now_of(request),
        )
    except EntranceRefused as refused:
        form.add_error(None, _sentence(refused))
        return False
    enter(request, entered)
    return True


def _sentence(refused: EntranceRefused) -> str:
    if refused.code == "wait":
        return ngettext(
            "Too many attempts that did not fit. Try again in {n} minute.",
            "Too many attempts that did not fit. Try again in {n} minutes.",
            refused.minutes,
        ).format(n=refused.minutes)
    return _("Account and password do not belong together. Look at both again; the school can tell you the number.")


@open_to(PUBLIC)
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """The family's own password: until it is set, nothing else opens; from then on the ID number opens nothing."""
    family = first_family(request)
    if family is None:
        return redirect("binding-status")
    form = PasswordForm(request.POST if request.method == "POST" else None, student=family.student)
    if request.method == "POST" and form.is_valid():
        try:
            access = entrance.set_password(
                family.student, form.cleaned_data["password"], invitation_id=family.invitation, now=now_of(request)
            )
        except EntranceRefused:
            forget(request)
            messages.warning(request, _("Somebody of your family has just set a password. Sign in with that one."))
            return redirect("binding-sign-in", family.student.school.code)
        enter(request, entrance.Entered(family.student, access.stamp))
        messages.success(request, _SET_BY_LETTER if family.invitation else _SET_BY_NUMBER)
        return redirect("binding-status")
    return page(
        request,
        "binding/password.html",
        frame(request),
        form=form,
        by_letter=family.invitation is not None,
        account=entrance.PREFIX + family.student.number if family.invitation else "",
    )


@open_to(PUBLIC)
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    """Out of the application; what was saved stays."""
    forget(request)
    messages.success(request, _("You are signed out. What you saved is still there."))
    return redirect("binding-schools")
