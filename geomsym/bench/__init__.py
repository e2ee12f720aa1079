"""Throughput, measured on this machine."""
