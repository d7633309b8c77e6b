"""Measurements: what the project promises beside what a user would pick instead, and long runs that notebooks load."""
