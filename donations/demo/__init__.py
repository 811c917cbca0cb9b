"""Sample data of the demonstration: invented people, gifts and costs, made by the same verbs that real ones go through.

people.py staff and sample appeal, money.py gifts to payments, statements.py the bank files.
"""
