"""The ledger: actions, the periods that they are posted to, and the wallets that receive their points."""
