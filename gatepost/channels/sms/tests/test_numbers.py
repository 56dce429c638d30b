import pytest

from gatepost.channels.errors import ChannelError
from gatepost.channels.sms import numbers


@pytest.mark.parametrize(
    "written",
    [
        "0912345678",
        "0912-345-678",
        " 0912 345 678 ",
        "+886912345678",
        "+886-0912-345678",
        "00886 912345678",
        "０９１２３４５６７８",
    ],
)
def test_a_mobile_number_is_one_number_however_it_is_written(written: str) -> None:
    assert numbers.usable(written) == "+886912345678"
    assert numbers.domestic(written) == "0912345678"
    assert numbers.international(written) == "886912345678"


@pytest.mark.parametrize(
    "written",
    ["", "0227208889", "091234567", "09123456789", "+447700900123", "+1 900 555 0123", "0900x45678", "九一二"],
)
def test_what_is_no_mobile_number_of_taiwan_is_refused_for_good(written: str) -> None:
    with pytest.raises(ChannelError) as refused:
        numbers.usable(written)
    assert refused.value.permanent
