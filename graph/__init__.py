"""The identity graph: what a brand knows about its customers' WeChat accounts.

It imports nothing of GraphQL, HTTP or WeChat's wire formats.
"""
