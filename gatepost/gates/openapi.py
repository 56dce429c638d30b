"""What `/v1/openapi.json` says: the contract of `http`, for people who build readers."""

import msgspec

from gatepost.gates.contract import BODY_BYTES_MAX, CARD_CHARACTERS_MAX, TAPS_MAX

_PROBLEM = {
    "description": "Nothing was kept; `detail` says how to mend it (RFC 9457).",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_LATER = {
    **_PROBLEM,
    "description": "Not now. Nothing is lost: keep the taps and send them again after `Retry-After` seconds.",
    "headers": {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait."}},
}

_TAP = {
    "type": "object",
    "required": ["nonce", "card", "read_at"],
    "properties": {
        "nonce": {
            "type": "string",
            "format": "uuid",
            "description": "New for each tap; the same when it is sent again.",
        },
        "card": {
            "type": "string",
            "description": f"The card's number as the reader types it, up to {CARD_CHARACTERS_MAX}.",
        },
        "read_at": {"type": "string", "format": "date-time", "description": "By the reader's clock, with its offset."},
        "direction": {"enum": ["in", "out", None], "default": None, "description": "Where the gate knows it."},
    },
}
_BATCH = {
    "type": "object",
    "required": ["sent_at", "taps"],
    "properties": {
        "sent_at": {"type": "string", "format": "date-time", "description": "By the reader's clock, at sending."},
        "queue": {
            "type": "integer",
            "minimum": 0,
            "maximum": 2**31 - 1,
            "default": 0,
            "description": "Taps the reader still holds after these.",
        },
        "taps": {
            "type": "array",
            "maxItems": TAPS_MAX,
            "items": {"$ref": "#/components/schemas/Tap"},
            "description": "Empty: a heartbeat.",
        },
    },
}
_ANSWER = {
    "type": "object",
    "required": ["received", "results"],
    "properties": {
        "received": {"type": "integer"},
        "results": {
            "type": "array",
            "description": "One for each tap, in its order. Whatever the status, the reader may forget the tap.",
            "items": {
                "type": "object",
                "required": ["nonce", "status", "reason"],
                "properties": {
                    "nonce": {"type": ["string", "null"], "description": "As it was sent; null where it was no text."},
                    "status": {"enum": ["stored", "repeat", "refused"]},
                    "reason": {"enum": ["bad_line", "bad_card", "time_out_of_range", None]},
                },
            },
        },
    },
}

DESCRIPTION = msgspec.json.encode(
    {
        "openapi": "3.1.0",
        "info": {"title": "Gatepost: the gate", "version": "1", "license": {"name": "Apache-2.0"}},
        "paths": {
            "/v1/taps": {
                "post": {
                    "operationId": "handInTaps",
                    "summary": "Hand in taps, or say that the reader is alive",
                    "security": [{"reader": []}],
                    "requestBody": {
                        "required": True,
                        "description": f"At most {BODY_BYTES_MAX} bytes.",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Batch"}}},
                    },
                    "responses": {
                        "200": {
                            "description": "Every tap of the batch is kept on disk.",
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}},
                        },
                        "400": _PROBLEM,
                        "401": _PROBLEM,
                        "408": _PROBLEM,
                        "413": _PROBLEM,
                        "422": _PROBLEM,
                        "429": _LATER,
                        "503": _LATER,
                    },
                }
            },
            "/v1/openapi.json": {
                "get": {"operationId": "describe", "responses": {"200": {"description": "This description."}}}
            },
        },
        "components": {
            "securitySchemes": {"reader": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Tap": _TAP,
                "Batch": _BATCH,
                "Answer": _ANSWER,
                "Problem": {
                    "type": "object",
                    "properties": {
                        "type": {"type": "string"},
                        "title": {"type": "string"},
                        "status": {"type": "integer"},
                        "detail": {"type": "string"},
                    },
                },
            },
        },
    }
)
