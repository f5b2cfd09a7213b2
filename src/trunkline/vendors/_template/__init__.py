"""Examplia: its API, served; its calls, received."""

# How to use this folder: copy it to the vendor's name, keep DIALECT or DOOR or both, and delete the files
# that the vendor does not need: one whose API we do not serve has neither api, wire nor render; one
# without a list has no pull. A further file that it needs is called filters (a list's parameters, read as
# our filters) or writes (what may be changed). The docstrings of api.py and webhooks.py
# become the vendor's pages in the reference. The tests' data, its example bodies and signatures, is
# copied from tests/template; docs/how-to/add-a-vendor.md shows how. Mark each fact that is not obvious:
# [seed], [docs] or "our choice". Delete this comment.

from trunkline.vendors._template.api import DIALECT
from trunkline.vendors._template.recognition import SAVED
from trunkline.vendors._template.webhooks import DOOR

__all__ = ["DIALECT", "DOOR", "SAVED"]
