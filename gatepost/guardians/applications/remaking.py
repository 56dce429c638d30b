"""Making a handed-in document anew: what comes out holds the pixels and nothing else.

An image is decoded and encoded again; a PDF is drawn page by page and becomes a PDF of pictures, without scripts,
links, attachments or metadata. What a document is, its bytes say, not its name. This runs as a process of its own
(`python -m`), with bounded memory and time: decoders are where hostile files do their harm.
"""

import io
import resource
import sys

from PIL import Image, ImageOps, UnidentifiedImageError

BYTES_MAX = 8 * 1024 * 1024
PIXELS_MAX = 50_000_000
SIDE_MAX = 2200  # pixels: a page of A4 at some 190 dots an inch
PAGES_MAX = 10
JPEG_QUALITY = 82
MEMORY_BYTES_MAX = 1_500_000_000
CPU_SECONDS_MAX = 25
IMAGES = ("JPEG", "PNG", "WEBP")


class Unusable(Exception):
    """The document cannot be taken; the argument says why: kind, broken, pixels, pages, big."""


def remake(data: bytes) -> tuple[str, bytes]:
    """The content type and the bytes of the document made anew. Raises `Unusable`."""
    if len(data) > BYTES_MAX:
        raise Unusable("big")
    made = (
        ("application/pdf", _pdf(data)) if data[:1024].lstrip().startswith(b"%PDF-") else ("image/jpeg", _image(data))
    )
    if len(made[1]) > BYTES_MAX:
        raise Unusable("big")
    return made


def _image(data: bytes) -> bytes:
    try:
        with Image.open(io.BytesIO(data), formats=IMAGES) as image:
            if image.width * image.height > PIXELS_MAX:
                raise Unusable("pixels")
            image.draft("RGB", (SIDE_MAX, SIDE_MAX))
            plain = _plain(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise Unusable("kind") from error
    except Image.DecompressionBombError as error:
        raise Unusable("pixels") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise Unusable("broken") from error
    return _written(plain, "JPEG", quality=JPEG_QUALITY)


def _plain(image: Image.Image) -> Image.Image:
    """The pixels on white, no larger than needed, in a picture that never held metadata."""
    image.thumbnail((SIDE_MAX, SIDE_MAX))
    image = image.convert("RGBA") if image.mode in ("P", "LA", "RGBA", "PA") else image.convert("RGB")
    plain = Image.new("RGB", image.size, "white")
    plain.paste(image, mask=image if image.mode == "RGBA" else None)
    return plain


def _pdf(data: bytes) -> bytes:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
        if not 1 <= len(document) <= PAGES_MAX:
            raise Unusable("pages")
        pages = [_page(document[number]) for number in range(len(document))]
    except (pypdfium2.PdfiumError, OSError, ValueError) as error:
        raise Unusable("broken") from error
    return _written(pages[0], "PDF", save_all=True, append_images=pages[1:], quality=JPEG_QUALITY)


def _page(page: "object") -> Image.Image:
    width, height = page.get_size()  # type: ignore[attr-defined]
    if not (0 < width < 20_000 and 0 < height < 20_000):
        raise Unusable("broken")
    scale = min(2.7, SIDE_MAX / max(width, height))
    image: Image.Image = page.render(scale=scale, may_draw_forms=False).to_pil()  # type: ignore[attr-defined]
    return _plain(image)


def _written(image: Image.Image, form: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def main() -> int:
    """Standard input to standard output: the content type in a line, then the bytes. 3, with a code, if refused."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS_MAX, CPU_SECONDS_MAX))
    try:
        form, made = remake(sys.stdin.buffer.read(BYTES_MAX + 1))
    except Unusable as refused:
        sys.stdout.write(str(refused))
        return 3
    except MemoryError:
        sys.stdout.write("pixels")
        return 3
    sys.stdout.buffer.write(form.encode() + b"\n" + made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
