"""The shapes of requests and answers: camelCase, unknown fields refused, money as decimal numbers in major units."""
