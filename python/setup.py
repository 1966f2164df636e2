"""Only what pyproject.toml cannot say: the helper is compiled by cffi, against the stable ABI, so one wheel serves every Python."""

from setuptools import setup

setup(cffi_modules=["native/build_native.py:ffibuilder"], options={"bdist_wheel": {"py_limited_api": "cp310"}})
