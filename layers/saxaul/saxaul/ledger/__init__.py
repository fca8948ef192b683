"""The ledger: actions, the periods that contain them, and the wallets that collect their points."""
