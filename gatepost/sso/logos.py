"""The picture of a service: whatever comes in is drawn anew, small, so that nothing of the file itself is kept."""

import io
import warnings
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

SIDE = 128
BYTES_MAX = 500_000
PIXELS_MAX = 4_000_000


class LogoRefused(Exception):
    """`code`: big, kind (no PNG, JPEG or WebP), pixels."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def drawn(file: BinaryIO) -> bytes:
    """The picture as a PNG of 128 pixels a side, whole, on nothing. Raises `LogoRefused`."""
    data = file.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise LogoRefused("big")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as picture:
                if picture.width * picture.height > PIXELS_MAX:
                    raise LogoRefused("pixels")
                small = picture.convert("RGBA")
    except (UnidentifiedImageError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise LogoRefused("kind") from error
    except (OSError, SyntaxError, ValueError) as error:  # how the reader speaks of a broken file
        raise LogoRefused("kind") from error
    small.thumbnail((SIDE, SIDE))
    square = Image.new("RGBA", (SIDE, SIDE), (0, 0, 0, 0))
    square.paste(small, ((SIDE - small.width) // 2, (SIDE - small.height) // 2))
    out = io.BytesIO()
    square.save(out, "PNG", optimize=True)
    return out.getvalue()
