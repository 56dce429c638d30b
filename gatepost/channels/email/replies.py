"""What a relay's answer says about an address.

Only a refusal that speaks of the recipient's mailbox for good is permanent. A refusal that speaks of us (sign-in,
policy, reputation, our sender address, our content) would otherwise switch off every family's address on the day our
relay changes a rule.

Reply codes: RFC 5321 section 4.2.3, RFC 4954 (sign-in), RFC 7504 (521, 556). Enhanced codes: RFC 3463, RFC 7505
(5.1.10), RFC 5248. An enhanced code is more exact than the reply code, so where there is one it decides.

    answer                                        permanent for the address
    4yz, lost connection, time-out                no    try again
    any refusal before RCPT TO                    no    it speaks of us or of the sender address
    5.1.0 5.1.1 5.1.2 5.1.3 5.1.4 5.1.6 5.1.10    yes   no such mailbox, domain or address
    5.1.7 5.1.8                                   no    the sender's address
    5.2.1                                         yes   mailbox switched off
    5.2.2 and other 5.2.z                         no    mailbox full, message too large
    5.4.4                                         yes   no route: the domain does not exist (so Postfix reports it)
    5.3.z 5.4.z 5.5.z 5.6.z 5.7.z                 no    system, routing, protocol, content, policy: us or the weather
    550 551 553 at RCPT TO, no enhanced code      yes   mailbox not found, not local, name not allowed
    521 556 at RCPT TO, no enhanced code          yes   the domain takes no mail
    552 554, other 5yz, no enhanced code          no    full, or too vague to switch anybody off
    5yz after the message, no enhanced code       no    content or policy
"""

import re
from typing import Literal

# Which command was answered: MAIL FROM, RCPT TO, or DATA and the message itself.
Stage = Literal["sender", "recipient", "message"]

_ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_ADDRESS_IS_WRONG = {(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 6), (1, 10), (2, 1), (4, 4)}
_RECIPIENT_CODES = {521, 550, 551, 553, 556}


def enhanced_status(text: str) -> str | None:
    """The enhanced code at the start of an answer's text, "5.1.1", or None."""
    found = _ENHANCED.match(text)
    return ".".join(found.groups()) if found else None


def means_gone(*, code: int, text: str, stage: Stage) -> bool:
    """Whether this answer says that the recipient's address will never work. `stage`: what it answered."""
    if stage == "sender" or not 500 <= code <= 599:
        return False
    status = enhanced_status(text)
    if status:
        return status_means_gone(status)
    return stage == "recipient" and code in _RECIPIENT_CODES


def status_means_gone(status: str) -> bool:
    """The same for a bare enhanced code."""
    kind, subject, detail = (int(number) for number in status.split("."))
    return kind == 5 and (subject, detail) in _ADDRESS_IS_WRONG
