"""The evaluation that people look at: ModelArts' evaluation files, and a page that renders them.

`features`, `curves` and `sensitivity` compute figures, `advice` draws conclusions in words;
`results` puts them into the grammar of `grammar`, `folder` writes all files;
`page` renders any file in that grammar.
"""
