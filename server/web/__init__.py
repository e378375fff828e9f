"""What officers see and programs read: pages, JSON API and live events over HTTP.

It decides nothing: every verdict, state and permission is the services' below.
"""
