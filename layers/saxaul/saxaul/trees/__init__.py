"""Trees: stock, redemptions, planting orders, and the reports of partners."""
