"""Annexes of 考核办法: tables of indicators with marks, targets and scoring rules, read into drafts of definitions.

`sources` reads the cells of files as `grids`, `headings` finds the header and the meaning of its columns, `rows`
makes groups and indicators of the rows. `targets` and `phrases` read targets and scoring rules, `rules` turns the
phrases of a row into a kind of the language, with a module for each way of scoring. `definition` makes a draft of an
annex, `coin` one of the tables of COINr and the COIN Tool.
"""
