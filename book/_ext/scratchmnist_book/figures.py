"""A picture keeps the alt text that ``scratchmnist.show`` gave it.

MyST-NB drops ``alt`` from an output's metadata. This renderer puts it back, with a class that
tells dark mode whether the picture's colours may be inverted. MyST-NB finds such renderers through
entry points of installed packages; this one belongs to the book alone, so it is added to its list.
"""

from myst_nb.core.render import load_mime_renders


class FigureRenderer:
    """A `MimeRenderPlugin` of MyST-NB."""

    mime_priority_overrides = ()

    @staticmethod
    def handle_mime(renderer, data, inline):
        """The image node MyST-NB makes, plus alt text and class; None for all other outputs."""
        about = data.output_metadata.get(data.mime_type, {})
        if data.mime_type not in ("image/png", "image/svg+xml") or "alt" not in about:
            return None
        images = renderer.render_image_inline(data) if inline else renderer.render_image(data)
        for image in images:
            image["alt"] = about["alt"]
            image["classes"].append("keep-colours" if about.get("keep_colours") else "line-plot")
        return images


def setup(app):
    renderers = load_mime_renders()  # one list, made at the first call
    if FigureRenderer not in renderers:
        renderers.append(FigureRenderer)
    return {"parallel_read_safe": True}
