"""Where the book lives, said once; what follows from it follows by itself.

`book_repository` in _config.yml, or BOOK_REPOSITORY in the environment (a fork's workflow sets it),
is the address of the repository, such as https://github.com/OWNER/NAME. With it, pages know their
public address (GitHub Pages' usual one, unless html_baseurl says another): links to them and their
preview pictures are complete, a sitemap is written, notebooks link back and open in Colab, and a
page can be edited from the page. Without it, none of this appears.
"""

import os
from urllib.parse import urlsplit

BRANCH_OF_PAGES = "gh-pages"  # where .github/workflows puts the built book


def settle(app, config):
    repository = os.environ.get("BOOK_REPOSITORY") or config.book_repository
    config.book_repository = repository = repository.rstrip("/").removesuffix(".git")
    if not repository:
        return
    owner, name = repository.split("/")[-2:]
    if not config.html_baseurl:
        home = f"https://{owner.lower()}.github.io"
        config.html_baseurl = f"{home}/" if name.lower() == home[8:] else f"{home}/{name}/"
    config.sitemap_url_scheme = "{link}"
    config.notfound_urls_prefix = urlsplit(config.html_baseurl).path
    config.html_theme_options |= {
        "repository_url": repository,
        "repository_branch": "main",
        "path_to_docs": "",
        "use_edit_page_button": True,
    }


def colab_address(repository, notebook):
    place = repository.removeprefix("https://github.com/")
    return (
        "https://colab.research.google.com/github/"
        f"{place}/blob/{BRANCH_OF_PAGES}/_sources/{notebook}"
    )


def offer_colab(app, pagename, templatename, context, doctree):
    repository = app.config.book_repository
    if not (repository.startswith("https://github.com/") and context.get("ipynb_source")):
        return
    for group in context["header_buttons"]:
        if group["label"] == "download-buttons":
            group["buttons"].append(
                {
                    "type": "link",
                    "url": colab_address(repository, context["ipynb_source"]),
                    "text": "Open in Colab",
                    "tooltip": "Run this page in Google Colab",
                    "icon": "fas fa-up-right-from-square",
                    "label": "colab-button",
                }
            )


def setup(app):
    app.add_config_value("book_repository", "", "html")
    if os.environ.get("BOOK_REPOSITORY") or app.config.overrides.get("book_repository"):
        app.setup_extension("sphinx_sitemap")
    app.connect("config-inited", settle, priority=100)
    app.connect("html-page-context", offer_colab, priority=900)
    return {"parallel_read_safe": True}
