"""The reading test: can a small model read the answer, as Juspay's reply, as JSON, and as text?"""
