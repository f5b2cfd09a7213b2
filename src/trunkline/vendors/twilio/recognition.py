"""Twilio's saved answers: how the calls and recordings of its REST API are recognised in a file."""

from __future__ import annotations

from trunkline.kit.recognition import SavedAnswers
from trunkline.vendors.twilio.words import READ_IN_CALL, STORED_OF_CALL

OF_RECORDING = (
    *("sid", "call_sid", "account_sid", "api_version", "conference_sid", "date_created", "date_updated"),
    *("start_time", "duration", "status", "channels", "source", "track", "error_code", "price", "price_unit"),
    *("encryption_details", "media_url", "uri", "subresource_uris"),
)

SAVED = SavedAnswers(
    ids=frozenset({"sid"}),
    fields=frozenset({*READ_IN_CALL, *STORED_OF_CALL, *OF_RECORDING}),
    distinctive=frozenset(
        {
            *("sid", "account_sid", "api_version", "date_created", "date_updated", "price_unit", "uri"),
            *("subresource_uris", "phone_number_sid", "parent_call_sid", "from_formatted", "to_formatted"),
            *("forwarded_from", "group_sid", "trunk_sid", "queue_time", "caller_name", "annotation"),
            *("conference_sid", "channels", "track", "encryption_details", "media_url"),
        }
    ),
    # Messages, conferences and phone numbers have an id of the same name.
    not_calls=frozenset({"body", "num_segments", "num_media", "friendly_name", "messaging_service_sid"}),
    lists=((), ("calls",), ("recordings",)),
    envelope=frozenset({"first_page_uri", "next_page_uri"}),
)
