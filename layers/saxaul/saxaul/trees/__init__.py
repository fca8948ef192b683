"""Trees: the stock of saplings, redemptions, planting orders, and what partners report about each tree."""
