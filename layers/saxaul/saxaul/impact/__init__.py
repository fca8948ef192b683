"""The impact: the public totals of all people and facilities, and the progress of campaigns toward their goals."""
