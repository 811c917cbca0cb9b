"""The stand-in for Stripe when no key is set.

transport.py answers the official SDK inside this process (contract.py checks each request against the SDK's own types,
objects.py makes what is answered, acts.py does what supporters, banks and Stripe do), views.py shows the payment page
and the control page, deliveries.py sends the signed webhooks. It proves our side of the talk, not Stripe's behaviour.
"""
