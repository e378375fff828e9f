"""Accounts 账号: who may sign in, with which roles."""
