"""Disclosure control: suppress small figures, those that would give them away, and all that is computed from them."""

from kpi.analysis.disclosure.protection import analysed, protected, refuse_compared, refuse_hidden

__all__ = ["analysed", "protected", "refuse_compared", "refuse_hidden"]
