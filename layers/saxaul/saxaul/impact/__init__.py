"""The impact: totals over all people and facilities, and the progress of campaigns toward their goals."""
