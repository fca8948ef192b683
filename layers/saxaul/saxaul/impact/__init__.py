"""The impact: what everybody did together, and how far the campaigns' goals are."""
