"""The simulator: a stand-in for Juspay's API that shares no code with the client."""
