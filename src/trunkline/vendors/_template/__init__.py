"""Examplia: its API, served; its calls, taken in."""

# How to use this folder: copy it under the vendor's name, say which of the two there is, and delete the files
# that the vendor has no need of: one whose API we do not serve has neither api, wire nor render; one that
# cannot be asked for its calls has no pull. A file that it needs besides is called filters (what a list is
# asked for, read as our filters) or writes (what may be changed). The docstrings of api.py and webhooks.py
# become the vendor's pages in the reference. What the tests read, its example bodies and how it signs, is
# copied from tests/template; docs/how-to/add-a-vendor.md tells the way. Mark each fact that is not obvious:
# [seed], [docs] or "our choice". Delete this comment.

from trunkline.vendors._template.api import DIALECT
from trunkline.vendors._template.webhooks import DOOR

__all__ = ["DIALECT", "DOOR"]
