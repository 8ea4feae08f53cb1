"""Annexes of 考核办法: tables of indicators with marks, targets and scoring rules, read into drafts of definitions.

`grids` and `documents` read the cells of files, `headings` finds the header and the meaning of its columns, `rows` makes
groups and indicators of the rows. `targets` and `phrases` read targets and scoring rules, `rules` turns the phrases of a
row into a kind of the language. `drafts` puts a definition together, from an annex or (`coin`) from the tables of the
composite-indicator tools COINr and COIN Tool.
"""
