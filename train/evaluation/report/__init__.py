"""The evaluation for people: ModelArts' evaluation files, and a page that renders them.

`advice` draws conclusions from the figures of `train.evaluation`; `results` expresses them in the
grammar of `grammar`; `folder` writes all files; `page` renders any file in that grammar.
"""
