"""Handoff: measure every practical way of handing data from one Python worker to another."""
