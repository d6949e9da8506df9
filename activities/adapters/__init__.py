"""The strangers, over the wire: the only place beside the sandbox that knows an HTTP or SMTP client."""
