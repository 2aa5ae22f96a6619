"""A believable brand, and WeChat's HTTP API served from it: for the demo, for our tests, and for anybody who tests a WeChat integration."""

from app.sandbox.brand import Brand
from app.sandbox.command import add_arguments, run, running_sandbox
from app.sandbox.linjian import make_brand
from app.sandbox.server import sandbox_app
from app.sandbox.table import table_rows, write_table

__all__ = ["Brand", "add_arguments", "make_brand", "run", "running_sandbox", "sandbox_app", "table_rows", "write_table"]
