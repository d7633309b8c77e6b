"""A face drawn from a description: who it is, and how it is photographed."""
