"""The money, in the order in which it moves, and which module is which step. What reads and shows it stands beside them.

checkout, pledges, monthly, cash    somebody gives: a Pledge, which is no money yet
stripe_api, sandbox                 Stripe, or what stands in for it, takes the card
webhooks                            what Stripe tells is checked, kept and acted on: a Donation
payouts                             what Stripe charges, and its way to the bank
statements, reconciliation          the bank's files are read, and each line is said to be what it is
ledger                              every step is booked here, once: an Entry; nothing else writes one
allocation, payees, disbursement    set aside for a LegalCost, asked for, approved by another person, paid
exchange, refunds, disputes         changed into another currency; what goes back, decided or suffered
transparency, tracing, exports      everyone reads where it is; a supporter, what their gift paid
proofs, periods                     and all of it is proved, for anyone who doubts, and closed month by month
"""
