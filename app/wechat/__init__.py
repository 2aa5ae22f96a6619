"""WeChat's HTTP API as this product needs it: credentials, tokens, typed answers and typed failures.

Nothing here knows the graph. What callers need: `WeChatClient` (client.py), `Credentials` (credentials.py), the exceptions (errors.py).
"""
