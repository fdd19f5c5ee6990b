"""What an avatar says of its own accord."""

from dataclasses import dataclass

from common.phrases import Phrase
from common.settings import WebhookSettings


@dataclass(frozen=True, slots=True)
class Phrases:
    """One phrase for each occasion.

    Attributes:
        greeting: LOGIN of a user the character does not know.
        greeting_returning: LOGIN of a user whose room is known.
        apology: The OH API failed.
        refusal: The OH API's moderation turned the message down.
        filler: The reply will come late.
    """

    greeting: Phrase
    greeting_returning: Phrase
    apology: Phrase
    refusal: Phrase
    filler: Phrase

    @classmethod
    def of(cls, settings: WebhookSettings) -> "Phrases":
        """The phrases a deployment was given."""
        return cls(
            greeting=settings.greeting,
            greeting_returning=settings.greeting_returning,
            apology=settings.apology_reply,
            refusal=settings.moderated_reply,
            filler=settings.filler_reply,
        )
