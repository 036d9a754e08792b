"""Tests of the select language."""
