"""Tools for those who work on the course; a learner needs none of them."""
