"""Drafting: a definition that scores the files at hand, with every guess marked, for someone to go on from."""
