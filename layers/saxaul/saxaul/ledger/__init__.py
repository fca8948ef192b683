"""The ledger: actions, the periods that hold them, and the wallets that collect their points."""
