"""Keys for tests and tools: well-formed, known to everybody, opening nothing."""

import base64


def worthless_keys() -> dict[str, str]:
    """The secrets that the settings insist on, by the name of their variable."""
    return {
        "GATEPOST_SECRET_KEY": "known to everybody, so it opens nothing; long enough for Django to be content",
        "GATEPOST_SEAL_KEYS": "1:" + base64.b64encode(bytes(range(32))).decode(),
        "GATEPOST_DIGEST_KEY": base64.b64encode(bytes(range(32, 64))).decode(),
    }
