"""One room for each character and user, for good: a new room would have forgotten everything that was said."""

from typing import Final, Protocol

from digital_twin.deadline import Deadline
from digital_twin.oh import OhClient

# Sent only to a provider that turns a user's id down and asks for this instead, as its older deployments do. Trulience
# says nothing of the kind, and without either there would be no conversation.
_LEGACY_GENDER: Final = "female"


class StoredRooms(Protocol):
    """Where the rooms are kept; `avatar.room_store.RoomStore` is one."""

    def find(self, character_id: str, user_id: str) -> str | None:
        """The pair's room id, or None."""

    def keep(self, character_id: str, user_id: str, room_id: str, *, instead_of: str | None) -> str:
        """Stores the pair's room unless another request was first; returns the one that stands there."""


class Rooms:
    """The rooms of characters and users.

    Methods raise `OhApiError` where the OH API creates no room, and `UnavailableError` where the store does not answer.

    Args:
        store: Where they are kept.
        oh: Where they are created.
    """

    def __init__(self, store: StoredRooms, oh: OhClient) -> None:
        self._store = store
        self._oh = oh

    def find(self, character_id: str, user_id: str) -> str | None:
        """The pair's room id, or None while it has none."""
        return self._store.find(character_id, user_id)

    def create(self, character_id: str, user_id: str, *, deadline: Deadline, retry_by: Deadline) -> str:
        """Creates the pair's room; returns the one that counts, should several have been created at once.

        Args:
            character_id: The character.
            user_id: The user.
            deadline: When the call has to be over.
            retry_by: After this no further attempt begins.
        """
        return self._create(character_id, user_id, None, deadline, retry_by)

    def replace(self, character_id: str, user_id: str, stale: str, *, deadline: Deadline, retry_by: Deadline) -> str:
        """The pair's room in place of one the provider no longer knows: another request's, or a new one.

        Args:
            character_id: The character.
            user_id: The user.
            stale: The room that is gone.
            deadline: When the call has to be over.
            retry_by: After this no further attempt begins.
        """
        stored = self._store.find(character_id, user_id)
        if stored is not None and stored != stale:
            return stored
        return self._create(character_id, user_id, stored, deadline, retry_by)

    def _create(
        self, character_id: str, user_id: str, instead_of: str | None, deadline: Deadline, retry_by: Deadline
    ) -> str:
        room = self._oh.create_room(
            character_id, user_id, user_gender=_LEGACY_GENDER, deadline=deadline, retry_by=retry_by
        )
        return self._store.keep(character_id, user_id, room.room_id, instead_of=instead_of)
