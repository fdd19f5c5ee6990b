"""A client of the OH Digital Twin API: typed, bounded in time, careful about what it repeats."""

from digital_twin.deadline import Deadline
from digital_twin.exchange import Timeouts
from digital_twin.oh.client import OhClient, TextingStyle, UserGender
from digital_twin.oh.errors import (
    OhApiError,
    OhCamUnavailableError,
    OhConnectionError,
    OhCredentialsError,
    OhForbiddenError,
    OhInvalidInputError,
    OhModerationError,
    OhNotFoundError,
    OhProtocolError,
    OhThrottledError,
    OhTimeoutError,
    OhUpstreamError,
)
from digital_twin.oh.models import (
    AudioNote,
    CamSession,
    CamSessionEnd,
    CamSessionPage,
    Character,
    CustomerLibrary,
    DigitalTwin,
    ImageSubmission,
    JobResults,
    JobState,
    JobStatus,
    Room,
    TextReply,
)
from digital_twin.oh.retry import RetryPolicy
from digital_twin.oh.wording import says_moderated

__all__ = [
    "AudioNote",
    "CamSession",
    "CamSessionEnd",
    "CamSessionPage",
    "Character",
    "CustomerLibrary",
    "Deadline",
    "DigitalTwin",
    "ImageSubmission",
    "JobResults",
    "JobState",
    "JobStatus",
    "OhApiError",
    "OhCamUnavailableError",
    "OhClient",
    "OhConnectionError",
    "OhCredentialsError",
    "OhForbiddenError",
    "OhInvalidInputError",
    "OhModerationError",
    "OhNotFoundError",
    "OhProtocolError",
    "OhThrottledError",
    "OhTimeoutError",
    "OhUpstreamError",
    "RetryPolicy",
    "Room",
    "TextReply",
    "TextingStyle",
    "Timeouts",
    "UserGender",
    "says_moderated",
]
