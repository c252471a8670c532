"""Turns the bytes of an image file into the network's input, as Marigold's handler does.

Uses only Pillow and NumPy, in any version that the platform has. The model was evaluated on exactly
these pixels; do not replace this by torchvision's transforms, which round differently.
"""

import io

import numpy as np
from PIL import Image, ImageCms

ACCEPTED_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF")
SPARE = 2  # least decoded size of a large JPEG, as a multiple of the resized short side
ORIENTATION = 0x0112  # the EXIF tag
# Its values, and what turns such a picture upright (EXIF 2.32, section 4.6.4); the numbers are
# those of Pillow's Image.FLIP_LEFT_RIGHT and so on, whose names have moved.
UPRIGHT = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
FILTERS = {"bilinear": 2, "bicubic": 3, "lanczos": 1}  # Pillow's numbers, whose names have moved
COLOURS = {"RGB": "RGB", "CMYK": "CMYK", "L": "GRAY"}  # names in ICC profiles


class BadImage(TypeError):
    """Not an accepted image; the platform answers 400 to a TypeError."""


def read_pixels(file, resize, crop, squash=False, interpolation="bilinear"):
    """Decode an image and crop it to the network's input.

    Args:
        file: The contents of an image file, or a file object.
        resize: Length of the short side after resizing, in pixels; of both with `squash`.
        crop: Side of the square centre crop, in pixels.
        squash: Resize to a square, whatever the image's shape.
        interpolation: One of FILTERS.

    Returns:
        uint8 RGB [crop, crop, 3].
    """
    try:
        image = Image.open(io.BytesIO(file) if isinstance(file, bytes) else file)
        known = image.format in ACCEPTED_FORMATS
    except Exception as error:
        raise BadImage("not an image: {}".format(error))
    if not known:
        raise BadImage("{} is not one of {}".format(image.format, ", ".join(ACCEPTED_FORMATS)))
    full_size = image.size
    image.draft("RGB", (SPARE * resize, SPARE * resize))
    try:
        image.load()
    except Exception as error:
        raise BadImage("the image breaks off or is damaged: {}".format(error))
    resized = _resized(full_size, resize, squash)
    small = _resize_and_crop(image, full_size, resized, crop, FILTERS[interpolation])
    return np.array(_upright(small, image))


def _resized(full_size, resize, squash):
    return [resize if squash else int(resize * side / min(full_size)) for side in full_size]


def _resize_and_crop(image, full_size, resized, crop, resample):
    width, height = full_size
    fraction = round(width / image.width)
    left, top = [round((side - crop) / 2) for side in resized]
    step_x = width / resized[0] / fraction  # pixels of `image` per pixel of the result
    step_y = height / resized[1] / fraction
    box = (
        left * step_x,
        top * step_y,
        min((left + crop) * step_x, image.width),
        min((top + crop) * step_y, image.height),
    )
    profile = image.info.get("icc_profile")
    # A profile for ink or grey applies only to ink or grey.
    keeps_mode = profile and image.mode in ("CMYK", "L") and "transparency" not in image.info
    small = (image if keeps_mode else _to_rgb(image)).resize((crop, crop), resample, box=box)
    return _to_srgb(small, profile)


def _to_srgb(picture, profile):
    """Convert a picture from the colours of its ICC profile to sRGB, if possible."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        known = source.profile.xcolor_space.strip() == COLOURS[picture.mode]
        if not known or "sRGB" in (source.profile.profile_description or ""):
            return picture.convert("RGB")
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        return ImageCms.profileToProfile(picture, source, srgb, outputMode="RGB")
    except Exception:  # there is none, or it is damaged
        return picture.convert("RGB")


def _upright(picture, original):
    try:
        turn = UPRIGHT.get(original.getexif().get(ORIENTATION, 1))
    except Exception:  # damaged EXIF data harm no pixel
        return picture
    return picture if turn is None else picture.transpose(turn)


def _to_rgb(image):
    """Convert an image of any mode to RGB; transparent parts show white."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith(("I", "F")):
        image = _to_8_bit(image)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba)
        return white
    return image.convert("RGB")


def _to_8_bit(image):
    """Scale 16 and 32 bit greyscale to 8 bit; Pillow's own conversion would clip it."""
    values = np.array(image, dtype=np.float32)
    values = np.nan_to_num(values)
    transparent = values == image.info.get("transparency")
    ranges = {"F": (1, 255), "I": (255, 65535, 2**31 - 1)}.get(image.mode, (65535,))
    full = next((top for top in ranges if values.max() <= top), ranges[-1])
    grey = np.rint(values.clip(0, full) * np.float32(255 / full)).astype(np.uint8)
    grey[transparent] = 255
    return Image.fromarray(grey)
