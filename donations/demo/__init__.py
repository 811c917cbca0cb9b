"""Sample data of the demonstration: invented people, gifts and costs, made by the same verbs that real ones go through.

money.py gives, pays out and spends in the order of the days. Behind it: people.py staff and sample appeal, rules.py policy
and UMA, funds.py funds, gifts.py gifts, spending.py costs and payments, bank.py accounts and what is on their statements,
statements.py the bank's files.
"""
