"""Values: amounts, timestamps, customer ids, masks, callers and strict JSON. Values in, values out."""
