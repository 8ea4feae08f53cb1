"""Runs one function of the benchmarks in a process of its own: `python -m benchmarks.child module:function [...]`."""

from __future__ import annotations

import json
import sys
from importlib import import_module

if __name__ == "__main__":
    module, _, function = sys.argv[1].partition(":")
    print(json.dumps(getattr(import_module(f"benchmarks.{module}"), function)(*json.loads(sys.argv[2]))))
