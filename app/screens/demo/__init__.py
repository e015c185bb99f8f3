"""Screens that exist in demo mode only."""
