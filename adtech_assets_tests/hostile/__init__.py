"""What it must survive: each case of `cases.py` is a test `test_hNN_...`, on real stores."""
