"""Trees: stock, redemptions, planting orders, and what partners report."""
