"""What make runs: the set-up, and what builds and checks the notebooks."""
