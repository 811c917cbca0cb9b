"""Sample data of the demonstration: invented people, gifts and costs, made by the same verbs that real ones go through.

people.py staff and sample appeal, rules.py policy and UMA, money.py gifts to payments, bank.py accounts and what is on their
statements, statements.py the bank's files.
"""
