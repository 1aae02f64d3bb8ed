"""Values: amounts, timestamps, customer ids, masks, callers and strict JSON: pure functions."""
