"""The evaluation that people look at: ModelArts' evaluation files, and a page that renders them.

`advice` draws conclusions from the figures of `train.evaluation`; `results` puts them into the
grammar of `grammar`; `folder` writes all files; `page` renders any file in that grammar.
"""
