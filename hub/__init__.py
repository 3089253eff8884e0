"""Definitions of the plugins for Meltano Hub, made from ``meltano.yml``."""
