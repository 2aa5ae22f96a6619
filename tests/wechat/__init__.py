"""Tests of app/wechat: every rule of WeChat's that the client keeps, against a WeChat that plays by a script."""
