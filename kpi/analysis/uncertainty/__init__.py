"""Uncertainty (不确定性): what varies, how it is drawn, and what runs, intervals and sensitivities come to."""
