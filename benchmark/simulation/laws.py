"""How long a simulated service takes: the laws of `benchmark.laws`, in seconds."""

from __future__ import annotations

from benchmark.laws import Constant, Exponential, Law, Lognormal, Normal, Uniform, parse_law

__all__ = ["Constant", "Exponential", "Law", "Lognormal", "Normal", "Uniform", "parse_law"]
