"""Listing an avatar's sessions, newest first, by the index of the sessions table."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from avatar.session import Session, live_session
from common.errors import UnavailableError
from common.tables import from_item, store_errors, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

INDEX = "by_character"

# A page reads at most this many pages of the index, so that thousands of ended sessions cannot hold it up; it may then
# be shorter than asked for, and its cursor goes on from there.
_INDEX_PAGES = 10
# DynamoDB may leave keys of a batch unprocessed when it is busy; they are asked for again after a growing pause.
_BATCH_ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the listing of one avatar: the session after which the next page begins."""

    session_id: str
    created_at: str


class SessionListing:
    """The live sessions of each avatar.

    Args:
        client: DynamoDB.
        table: The name of the table of sessions.
        clock: Seconds since 1970.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._sleep = sleep

    def page(self, character_id: str, limit: int, after: Place | None) -> tuple[list[Session], Place | None]:
        """A page of an avatar's live sessions.

        Args:
            character_id: The avatar's character.
            limit: How many sessions at most, up to 100: one BatchGetItem reads them.
            after: Where the page before ended; None for the first page.

        Returns:
            The sessions, and where the next page begins: None after the last.

        Raises:
            UnavailableError: DynamoDB does not answer.
        """
        found: list[Session] = []
        for _ in range(_INDEX_PAGES):
            places, after = self._places(character_id, limit, after)
            rows = self._rows(character_id, places)
            now_ms = int(self._clock() * 1000)
            for position, place in enumerate(places, start=1):
                session = live_session(rows.get(place.session_id), now_ms)
                # The index lags: a session that was opened anew may still stand at its old place, too.
                if session is None or session.created_at != place.created_at:
                    continue
                found.append(session)
                if len(found) == limit:
                    return found, place if position < len(places) or after is not None else None
            if after is None:
                break
        return found, after

    def _places(self, character_id: str, limit: int, after: Place | None) -> tuple[list[Place], Place | None]:
        begin: dict[str, Any] = {}
        if after is not None:
            key = {"character_id": character_id, "session_id": after.session_id, "created_at": after.created_at}
            begin = {"ExclusiveStartKey": to_item(key)}
        with store_errors("sessions"):
            answer = self._client.query(
                TableName=self._table,
                IndexName=INDEX,
                KeyConditionExpression="character_id = :character",
                ExpressionAttributeValues=to_item({":character": character_id}),
                ScanIndexForward=False,
                Limit=limit,
                **begin,
            )
        last = answer.get("LastEvaluatedKey")
        return [_place(item) for item in answer["Items"]], _place(last) if last else None

    def _rows(self, character_id: str, places: Sequence[Place]) -> dict[str, dict[str, Any]]:
        # The index may hold a session twice for a moment; DynamoDB refuses a batch with the same key twice.
        ids = dict.fromkeys(place.session_id for place in places)
        wanted: Any = [to_item({"session_id": session_id, "character_id": character_id}) for session_id in ids]
        rows: dict[str, dict[str, Any]] = {}
        for attempt in range(_BATCH_ATTEMPTS):
            if not wanted:
                return rows
            if attempt:
                self._sleep(_FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            with store_errors("sessions"):
                answer = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": wanted, "ConsistentRead": True}}
                )
            for item in answer["Responses"].get(self._table, []):
                row = from_item(item)
                rows[row["session_id"]] = row
            unprocessed: Any = answer.get("UnprocessedKeys", {})
            wanted = unprocessed.get(self._table, {}).get("Keys")
        if wanted:
            raise UnavailableError(
                "The table of sessions is too busy at the moment. Please try again in a few seconds.",
                code="storage_unavailable",
                retry_after=2,
            )
        return rows


def _place(item: Mapping[str, Any]) -> Place:
    key = from_item(item)
    return Place(key["session_id"], key["created_at"])
