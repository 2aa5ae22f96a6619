"""Tests of the sandbox: each WeChat rule that wechat.md states and the sandbox keeps."""
