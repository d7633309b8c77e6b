"""Readers fed with damaged and malicious files, each in a child process under limits: python -m tools.fuzz"""
