"""A plug-in for MyST-NB: figures keep the alt text that ``scratchmnist.show`` gave them.

MyST-NB drops ``alt`` from an output's metadata. This renderer puts it back, with a class that
tells dark mode whether the picture's colours may be inverted. It is a module of its own, so that
loading it (on every build) does not import torch.
"""


class FigureRenderer:
    """Found through the entry point group ``myst_nb.mime_renderers``."""

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
