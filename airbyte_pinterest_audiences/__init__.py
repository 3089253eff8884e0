"""The tap and the target as an Airbyte source and an Airbyte destination.

It speaks the Airbyte protocol on standard output and hands everything else to the plugins.
"""
