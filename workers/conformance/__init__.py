"""The conformance kit: what a provider's endpoint must do with our messages, and with our API, played case by case."""
