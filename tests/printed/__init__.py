"""The equations as they are printed: read from the page's LaTeX, and evaluated.

- values: numbers and matrices with named axes for indices, and what may be done with them
- latex: LaTeX to functions of a point (a recursive descent over its tokens)
- check: every step of a labelled equation at several points, and where what it assumes fails
- misprints: every single misprint of a stated kind, planted in memory: is it caught?
- points_*: names, indices and points of each subject, with the labels that they serve

`python tests/printed` (`make equations`) prints the table.
"""
