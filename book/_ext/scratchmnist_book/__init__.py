"""The book's own Sphinx extensions: small, one idea each, explained at the top of each file.

They are one package, so that no other module of the same name (`results`, `explorables`) can stand
in for them. In the order in which a build meets them:

- whole_builds: a build that was cut short leaves nothing half done
- strict_build: a build with a warning is a failed build, the second time too
- fresh_outputs: no page shows what an older version of the code computed
- shown_elsewhere: which pages are written again after an edit
- parallel_execution: the pages' cells run side by side, while Sphinx reads
- warm_kernels: their kernels need not import PyTorch anew
- parallel_writing: the pages are written side by side
- handed_over: what cells give to the whole book, for results and networks
- results: {result}`name` in the prose is the number that a cell recorded
- networks: {network}`name` in the prose links to a network that a cell offered, as a file
- figures: a picture keeps its alt text
- offline_math: formulas are rendered in the build, and need no network
- narrow_math: the second form of a wide equation, for a phone
- equation_marks: which equations were checked as they are printed
- explorables: the scripts and data of interactive elements, on the pages that have one
- reading_time: minutes, on each page and in the list of chapters
- old_anchors: links to what has moved to another page lead on
- address: where the book lives, and what follows from it
- notebooks: a page to run, in plain Markdown and code
- search: the sections as texts to search in, on a page that does it
- editions: the front page names the PDF and the EPUB, where they have been made
- light_pages: a page waits for one style sheet and for no script
- small_icons, page_head, tidy_pages: what the theme leaves to be done
"""

from pathlib import Path

BOOK = Path(__file__).resolve().parents[2]  # the folder with the chapters
ROOT = BOOK.parent
