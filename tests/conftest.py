"""Plugins shared by every test."""

pytest_plugins = ("tests.support.fixtures", "tests.support.matrix")
