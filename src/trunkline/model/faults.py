"""Everything that can be wrong with a request; each dialect words every one of them."""

from __future__ import annotations

from enum import Enum


class FaultClass(Enum):
    """Classes of faults: a vendor has a text for each class, and exceptions for single faults."""

    BAD_REQUEST = "bad_request"
    """The request has an invalid value."""
    CREDENTIAL = "credential"
    """The request has no valid credential."""
    FORBIDDEN = "forbidden"
    """The credential is valid, but not for this."""
    NOT_FOUND = "not_found"
    """There is no such call in the credential's org."""
    ROUTE = "route"
    """There is no such path, method or form of answer."""
    TRANSFER = "transfer"
    """The request is too large, too long, too slow, or of a type that is not read."""
    CONFLICT = "conflict"
    """The request conflicts with an earlier one."""
    UNSUPPORTED = "unsupported"
    """The request is for something that a call log does not do."""
    UNAVAILABLE = "unavailable"
    """The server cannot answer."""


class Fault(Enum):
    """A reason to refuse, with its HTTP status, which a dialect may replace."""

    BAD_REQUEST = 400
    BAD_CURSOR = 4001
    NO_CREDENTIAL = 401
    MALFORMED_CREDENTIAL = 4011
    UNKNOWN_CREDENTIAL = 4012
    EXPIRED_CREDENTIAL = 4013
    REVOKED_CREDENTIAL = 4014
    ADDRESS_NOT_ALLOWED = 4031
    SCOPE_MISSING = 4032
    OTHER_ORG = 4033
    """The request names another org than its key's."""
    FOREIGN_CALL = 4041
    """The call exists in another org."""
    CALL_NOT_FOUND = 404
    PAYLOAD_NOT_FOUND = 4043
    """The inbox does not have the payload."""
    NO_SUCH_ROUTE = 4042
    METHOD_NOT_ALLOWED = 405
    NOT_ACCEPTABLE = 406
    TOO_SLOW = 408
    CONFLICT = 409
    CALL_DELETED = 410
    """The call was deleted and stays deleted."""
    TOO_LARGE = 413
    ADDRESS_TOO_LONG = 414
    UNSUPPORTED_BODY = 415
    UNPROCESSABLE = 422
    HEADERS_TOO_LARGE = 431
    """Too many or too large headers."""
    INTERNAL = 500
    UNSUPPORTED = 501
    """The request would steer a real call, which a call log does not do."""
    UNAVAILABLE = 503

    @property
    def status(self) -> int:
        """The usual HTTP status."""
        return self.value if self.value < 1000 else self.value // 10

    @property
    def fault_class(self) -> FaultClass:
        """The class whose text it has, unless a dialect has a text for the fault itself."""
        return _CLASSES[self]


_CLASSES = {
    fault: fault_class
    for fault_class, faults in {
        FaultClass.BAD_REQUEST: (Fault.BAD_REQUEST, Fault.BAD_CURSOR),
        FaultClass.CREDENTIAL: (
            *(Fault.NO_CREDENTIAL, Fault.MALFORMED_CREDENTIAL, Fault.UNKNOWN_CREDENTIAL),
            *(Fault.EXPIRED_CREDENTIAL, Fault.REVOKED_CREDENTIAL, Fault.ADDRESS_NOT_ALLOWED),
        ),
        FaultClass.FORBIDDEN: (Fault.SCOPE_MISSING, Fault.OTHER_ORG),
        FaultClass.NOT_FOUND: (
            *(Fault.CALL_NOT_FOUND, Fault.FOREIGN_CALL, Fault.CALL_DELETED, Fault.PAYLOAD_NOT_FOUND),
        ),
        FaultClass.ROUTE: (Fault.NO_SUCH_ROUTE, Fault.METHOD_NOT_ALLOWED, Fault.NOT_ACCEPTABLE),
        FaultClass.TRANSFER: (
            *(Fault.TOO_LARGE, Fault.ADDRESS_TOO_LONG, Fault.HEADERS_TOO_LARGE),
            *(Fault.TOO_SLOW, Fault.UNSUPPORTED_BODY),
        ),
        FaultClass.CONFLICT: (Fault.CONFLICT, Fault.UNPROCESSABLE),
        FaultClass.UNSUPPORTED: (Fault.UNSUPPORTED,),
        FaultClass.UNAVAILABLE: (Fault.INTERNAL, Fault.UNAVAILABLE),
    }.items()
    for fault in faults
}


class Refused(Exception):
    """A request is refused for a fault, with a detail fit to show to the caller."""

    def __init__(self, fault: Fault, detail: str = "", parameter: str = "") -> None:
        super().__init__(f"{fault.name}: {detail}")
        self.fault = fault
        self.detail = detail
        self.parameter = parameter
        """The name of the invalid query parameter or field, if there is one."""
