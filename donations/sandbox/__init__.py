"""The stand-in for Stripe when no key is set.

transport.py answers the official SDK inside this process: routes.py are the addresses, contract.py checks each request
against the SDK's own types, objects.py makes what is answered, listing.py gives it page by page. acts.py is what
supporters, banks and Stripe do, events.py tells of it, deliveries.py sends the signed webhooks. views.py is the payment
page, control.py the page to play bank. It proves our side of the talk, not Stripe's behaviour.
"""
