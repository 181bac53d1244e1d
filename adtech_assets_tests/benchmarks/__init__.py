"""The benchmark: every figure beside its baseline, on the same data, in one run (`make bench`)."""
