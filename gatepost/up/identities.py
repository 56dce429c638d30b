"""The simulated identities of a demonstration: which settings lead to them, and to nothing else."""

import base64
import secrets


def settings(port: int) -> dict[str, str]:
    """For every process of the demonstration, whatever the environment names. The secrets are good for one start."""
    here = f"http://127.0.0.1:{port}"
    return {
        "GATEPOST_IDENTITIES_PORT": str(port),
        "GATEPOST_TAIPEI_PASS_URL": f"{here}/tpcd",
        "GATEPOST_TAIPEI_PASS_SHAPE": "city",
        "GATEPOST_TAIPEI_PASS_CLIENT_ID": "gatepost-demonstration",
        "GATEPOST_TAIPEI_PASS_CLIENT_SECRET": secrets.token_urlsafe(24),
        "GATEPOST_TAIPEI_PASS_LEVELS": "2",
        "GATEPOST_MOBILE_ID_URL": f"{here}/mid/IDPortal",
        "GATEPOST_MOBILE_ID_BUSINESS_NO": "gatepost-demonstration",
        "GATEPOST_MOBILE_ID_KEY_NO": "1",
        "GATEPOST_MOBILE_ID_KEY": secrets.token_hex(16),
        "GATEPOST_TWFIDO_URL": f"{here}/fido",
        "GATEPOST_TWFIDO_SERVICE_ID": "gatepost-demonstration",
        "GATEPOST_TWFIDO_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
