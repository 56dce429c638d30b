"""The form for a service: who it is, where browsers go, and what it may ask for, each with its reason."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from gatepost.portals.forms import text_field
from gatepost.sso import addresses, logos, services
from gatepost.sso.addresses import AddressRefused
from gatepost.sso.models import Service
from gatepost.sso.scopes import ALL, OF_MACHINES, OPENID
from gatepost.sso.services import Facts, Kind

REASONS: dict[str, Promise] = {
    "profile": _("Name and language: why"),
    "email": _("Email address: why"),
    "phone": _("Phone number: why"),
    "role": _("Role: why"),
    "school": _("Schools and class of staff: why"),
    "children": _("Children that the guardian chooses: why"),
    "schools": _("Schools of the city and their classes, without people: why"),
}
ADDRESS_FAULTS: dict[str, Promise] = {
    "form": _("“{address}” is no address. Write it whole: https://service.example/callback"),
    "https": _("“{address}” is not https: on the way, anybody could read what is sent there."),
    "fragment": _("“{address}” has a part after #. Leave that out."),
    "person": _("“{address}” has a name or password before its host. Leave that out."),
    "wildcard": _("“{address}” has a star in it. Write each address by itself, whole."),
    "long": _("An address has 500 characters at most."),
    "many": _("Ten addresses are the most."),
}
LOGO_FAULTS: dict[str, Promise] = {
    "big": _("The picture is larger than 500 kB. Take a smaller one."),
    "kind": _("This is no picture that can be read. Take a PNG, JPEG or WebP."),
    "pixels": _("The picture has more than 4 million pixels. Take a smaller one."),
}


# What only those have that people reach with a browser.
_OF_BROWSERS = ("redirect_uris", "post_logout_redirect_uris", "backchannel_logout_uri", "start_url")
_LEFT_OUT: dict[Kind | None, tuple[str, ...]] = {
    Kind.DEVICE: ("redirect_uris", "post_logout_redirect_uris", "start_url", "without_pkce"),
    Kind.MACHINE: (*_OF_BROWSERS, "without_pkce"),
}


class AddressesField(forms.CharField):
    """Addresses, one a line, each exactly as the service will send it."""

    def __init__(self, *, most: int = addresses.MOST, **more: Any) -> None:
        self.most = most
        widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}) if most > 1 else forms.URLInput()
        super().__init__(widget=widget, max_length=6_000, **more)

    def clean(self, value: Any) -> list[str]:
        written: str = super().clean(value)
        try:
            found = addresses.several(written, private_allowed=settings.SERVICES_PRIVATE)
        except AddressRefused as refusal:
            raise ValidationError(str(ADDRESS_FAULTS[refusal.code]).format(address=refusal.address)) from refusal
        if len(found) > self.most:
            raise ValidationError(_("Write one address here."))
        return found


class ServiceForm(forms.Form):
    """Everything the bureau says about a service. An empty reason means: it may not ask for that."""

    name = text_field(_("Name"), longest=60, help_text=_("As families know it."))
    about = text_field(
        _("What it is for"), longest=200, help_text=_("One sentence; families read it before they agree.")
    )
    logo = forms.FileField(
        label=_("Picture"),
        required=False,
        help_text=_("Optional: PNG, JPEG or WebP, best square."),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )
    answers_name = text_field(
        _("Who answers for it"), longest=100, help_text=_("An office or a person; families see it.")
    )
    answers_email = forms.EmailField(
        label=_("Their email"),
        error_messages={"invalid": _("An email address is written like name@example.org.")},
    )
    kind = forms.ChoiceField(
        label=_("What kind"),
        choices=[
            (Kind.SERVER, _("A web application: it can keep a secret")),
            (Kind.APP, _("An app on a phone or in a browser: it cannot")),
            (Kind.DEVICE, _("A device without a keyboard: people type the code it shows")),
            (Kind.MACHINE, _("A machine that speaks for itself, never for a person")),
        ],
        widget=forms.RadioSelect,
    )
    redirect_uris = AddressesField(
        label=_("After signing in, back to"),
        required=False,
        help_text=_("One address a line, letter for letter as the service sends it. A device or a machine has none."),
    )
    post_logout_redirect_uris = AddressesField(
        label=_("After signing out, back to"), required=False, help_text=_("Optional; one address a line.")
    )
    backchannel_logout_uri = AddressesField(
        most=1,
        label=_("Is told of a sign-out at"),
        required=False,
        help_text=_("Optional: where we tell it that somebody signed out or took their consent back."),
    )
    start_url = AddressesField(
        most=1,
        label=_("Its tile leads to"),
        required=False,
        help_text=_("Optional: where its sign-in begins. With it, families find it on their page “Services”."),
    )
    without_pkce = forms.BooleanField(
        label=_("It cannot do PKCE"),
        required=False,
        help_text=_("Only for old software: then each of its requests must carry a nonce."),
    )

    def __init__(self, *args: Any, service: Service | None = None, **kwargs: Any) -> None:
        kwargs["initial"] = _initial(service)
        super().__init__(*args, **kwargs)
        self.of_kind: Kind | None = services.kind_of(service) if service is not None else None
        for scope in (*ALL, *OF_MACHINES):
            if scope != OPENID and self._may_have(scope):
                self.fields[f"reason_{scope}"] = text_field(
                    REASONS[scope], longest=200, required=False, help_text=_("Empty: it may not ask for it.")
                )
        if self.of_kind is not None:
            del self.fields["kind"]  # a secret is not given or taken afterwards: that is another service
        for name in _LEFT_OUT.get(self.of_kind, ()):
            del self.fields[name]

    def _may_have(self, scope: str) -> bool:
        return self.of_kind is None or (scope in OF_MACHINES) == (self.of_kind is Kind.MACHINE)

    def clean_logo(self) -> bytes | None:
        file = self.cleaned_data["logo"]
        if not file:
            return None
        try:
            return logos.drawn(file)
        except logos.LogoRefused as refusal:
            raise ValidationError(str(LOGO_FAULTS[refusal.code])) from refusal

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        self.of_kind = self.of_kind or (Kind(data["kind"]) if "kind" in data else None)
        if self.of_kind in (Kind.SERVER, Kind.APP) and data.get("redirect_uris") == []:
            self.add_error("redirect_uris", _("Write where people go after signing in."))
        for name in _LEFT_OUT.get(self.of_kind, ()):
            if data.get(name):
                self.add_error(name, _("This kind of service has none. Leave it empty."))
        for name in [name for name in self.fields if name.startswith("reason_")]:
            if data.get(name) and not self._may_have(name.removeprefix("reason_")):
                self.add_error(name, _("This kind of service may not ask for it. Leave it empty."))
        if self.of_kind is Kind.MACHINE and not any(data.get(f"reason_{scope}") for scope in OF_MACHINES):
            self.add_error("reason_schools", _("Say why the machine needs it: there is nothing else it could ask for."))
        return data

    def facts(self) -> Facts:
        """What was typed, once it is valid."""
        data: dict[str, Any] = {**{name: [] for name in _OF_BROWSERS}, "without_pkce": False, **self.cleaned_data}
        written = {name.removeprefix("reason_"): data[name] for name in self.fields if name.startswith("reason_")}
        reasons = {scope: why for scope, why in written.items() if why}
        plain = {name: data[name] for name in ("name", "about", "answers_name", "answers_email", "logo")}
        return Facts(
            **plain,
            reasons=reasons,
            redirect_uris=data["redirect_uris"],
            post_logout_redirect_uris=data["post_logout_redirect_uris"],
            backchannel_logout_uri=next(iter(data["backchannel_logout_uri"]), ""),
            start_url=next(iter(data["start_url"]), ""),
            pkce_required=not data["without_pkce"],
        )


def _initial(service: Service | None) -> dict[str, Any]:
    if service is None:
        return {"kind": Kind.SERVER}
    plain = ("name", "about", "answers_name", "answers_email", "backchannel_logout_uri", "start_url")
    return {
        **{name: getattr(service, name) for name in plain},
        **{f"reason_{scope}": reason for scope, reason in service.reasons.items()},
        "redirect_uris": "\n".join(service.redirect_uris.split()),
        "post_logout_redirect_uris": "\n".join(service.post_logout_redirect_uris.split()),
        "without_pkce": not service.pkce_required,
    }
