"""The DynamoDB table of sessions.

A row belongs to one session id of one avatar: two avatars share nothing, even where the platform's ids collide. A row
without a `generation` is no session: it only remembers a limit the platform announced before the LOGIN came.
"""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from avatar.session import TTL_ATTRIBUTE, Opening, Session, live_session, open_session, session_of, to_row, ttl_value
from common.errors import UnavailableError
from common.tables import ConditionFailedError, from_item, store_errors, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DEFAULT_TTL_SECONDS = 7200
# A write that found the row changed by somebody else reads it anew and decides again.
_ATTEMPTS = 8

# Every attribute the expressions name; placeholders throughout, as DynamoDB reserves hundreds of words.
_NAMES = {
    "#ttl": TTL_ATTRIBUTE,
    "#idle": "idle_end_ms",
    "#last": "last_end_ms",
    "#active": "active_ms",
    "#turn": "turn",
    "#generation": "generation",
    "#room": "room_id",
    "#locale": "locale",
    "#callback": "callback_url",
    "#token": "auth_token",
    "#session": "session_id",
}
_LIVE = "attribute_exists(#generation) AND #idle > :now AND (attribute_not_exists(#last) OR #last > :now)"
_PROLONG = "SET #active = :now, #idle = :idle, #ttl = :ttl"
_SAME_LIVE = f"#generation = :generation AND {_LIVE}"

T = TypeVar("T")


class SessionStore:
    """The sessions of every avatar.

    Every method raises `UnavailableError` where DynamoDB does not answer.

    Args:
        client: DynamoDB.
        table: The table's name.
        ttl_seconds: How long a session lives after its latest LOGIN or CHAT.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        ttl_seconds: int = DEFAULT_TTL_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._table = table
        self._ttl_ms = ttl_seconds * 1000
        self._clock = clock

    def get(self, session_id: str, character_id: str) -> Session | None:
        """The live session of one avatar, as it stands at this moment (strongly consistent)."""
        return live_session(self._read(session_id, character_id), self._now())

    def find(self, session_id: str) -> Session | None:
        """The live session of this id; the newest, where several avatars have one (strongly consistent)."""
        with store_errors("sessions"):
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="session_id = :id",
                ExpressionAttributeValues=to_item({":id": session_id}),
                ConsistentRead=True,
            )
        now = self._now()
        live = [session for item in answer["Items"] if (session := live_session(from_item(item), now))]
        return max(live, key=lambda session: session.created_at, default=None)

    def log_in(self, opening: Opening) -> Session:
        """Opens a session, or renews the live one of the same user, whose turns and generation stay."""

        def write(row: dict[str, Any] | None) -> Session:
            live = live_session(row, self._now())
            if live is not None and live.user_id == opening.user_id:
                return self._renew(live, opening)
            return self._open(row, opening)

        return self._decide(opening.session_id, opening.character_id, write)

    def open_unknown(self, opening: Opening) -> None:
        """Opens a session, unless it is live by now."""

        def write(row: dict[str, Any] | None) -> None:
            if live_session(row, self._now()) is None:
                self._open(row, opening)

        self._decide(opening.session_id, opening.character_id, write)

    def next_turn(self, session_id: str, character_id: str) -> Session | None:
        """Counts a turn, prolongs the session and returns it, all in one write; None where it is not live."""
        now = self._now()
        try:
            return self._update(
                session_id,
                character_id,
                f"{_PROLONG} ADD #turn :one",
                _LIVE,
                {**self._prolonged(now), ":one": 1},
            )
        except ConditionFailedError:
            return None

    def attach_room(self, session: Session, room_id: str) -> None:
        """Notes the room of a session; nothing happens where that opening of it is over."""
        try:
            self._update(
                session.session_id,
                session.character_id,
                "SET #room = :room",
                _SAME_LIVE,
                {":room": room_id, ":generation": session.generation, ":now": self._now()},
            )
        except ConditionFailedError:
            return

    def limit(self, session_id: str, character_id: str, seconds: int) -> None:
        """Ends a session at the latest `seconds` from now, however busy it is; an earlier end stays.

        Where the session is not open yet, the limit is kept for when it will be.
        """

        def write(row: dict[str, Any] | None) -> None:
            now = self._now()
            end = now + seconds * 1000
            live = live_session(row, now)
            if live is None:
                key = {"session_id": session_id, "character_id": character_id}
                self._replace(row, key | {"last_end_ms": end, TTL_ATTRIBUTE: ttl_value(end)})
            elif live.last_end_ms is None or live.last_end_ms > end:
                self._update(
                    session_id,
                    character_id,
                    "SET #last = :last",
                    _SAME_LIVE,
                    {":last": end, ":generation": live.generation, ":now": now},
                )

        self._decide(session_id, character_id, write)

    def end(self, session_id: str, character_id: str) -> None:
        """Ends a session; nothing happens where there is none."""
        with store_errors("sessions"):
            self._client.delete_item(TableName=self._table, Key=_key(session_id, character_id))

    def _renew(self, live: Session, opening: Opening) -> Session:
        now = self._now()
        token = opening.auth_token
        # Callback and token change together: the token of one LOGIN is never sent to the address of another.
        renewed = {
            "#locale": opening.locale,
            "#callback": opening.callback_url,
            "#token": None if token is None else token.get_secret_value(),
        }
        kept = {name: value for name, value in renewed.items() if value is not None}
        gone = [name for name, value in renewed.items() if value is None]
        sets = "".join(f", {name} = :{name[1:]}" for name in kept)
        return self._update(
            live.session_id,
            live.character_id,
            _PROLONG + sets + (f" REMOVE {', '.join(gone)}" if gone else ""),
            _SAME_LIVE,
            {
                **self._prolonged(now),
                ":generation": live.generation,
                **{f":{name[1:]}": value for name, value in kept.items()},
            },
        )

    def _open(self, row: Mapping[str, Any] | None, opening: Opening) -> Session:
        now = self._now()
        limit = (row or {}).get("last_end_ms")
        session = open_session(opening, now, self._ttl_ms, limit if limit is not None and limit > now else None)
        self._replace(row, to_row(session))
        return session

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _prolonged(self, now: int) -> dict[str, int]:
        end = now + self._ttl_ms
        return {":now": now, ":idle": end, ":ttl": ttl_value(end)}

    def _decide(self, session_id: str, character_id: str, write: Callable[[dict[str, Any] | None], T]) -> T:
        """Reads the row and writes what follows from it, again if somebody else wrote in between."""
        for _ in range(_ATTEMPTS):
            try:
                return write(self._read(session_id, character_id))
            except ConditionFailedError:
                continue
        raise UnavailableError(
            "The session is being changed by several requests at once. Please try again.",
            code="storage_unavailable",
            retry_after=1,
        )

    def _read(self, session_id: str, character_id: str) -> dict[str, Any] | None:
        with store_errors("sessions"):
            answer = self._client.get_item(
                TableName=self._table, Key=_key(session_id, character_id), ConsistentRead=True
            )
        return from_item(answer["Item"]) if "Item" in answer else None

    def _replace(self, row: Mapping[str, Any] | None, values: Mapping[str, Any]) -> None:
        """Puts a whole row in the place of one that was read, if it is still the same."""
        named: dict[str, Any] = {}
        if row is None:
            condition = "attribute_not_exists(#session)"
        elif "generation" in row:
            condition = "#generation = :generation"
            named = {"ExpressionAttributeValues": to_item({":generation": row["generation"]})}
        else:
            condition = "attribute_not_exists(#generation)"
        with store_errors("sessions"):
            self._client.put_item(
                TableName=self._table,
                Item=to_item(values),
                ConditionExpression=condition,
                ExpressionAttributeNames=_names(condition),
                **named,
            )

    def _update(
        self, session_id: str, character_id: str, update: str, condition: str, values: Mapping[str, Any]
    ) -> Session:
        with store_errors("sessions"):
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(session_id, character_id),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames=_names(update + condition),
                ExpressionAttributeValues=to_item(values),
                ReturnValues="ALL_NEW",
            )
        return session_of(from_item(answer["Attributes"]))


def _key(session_id: str, character_id: str) -> dict[str, Any]:
    return to_item({"session_id": session_id, "character_id": character_id})


def _names(expression: str) -> dict[str, str]:
    # DynamoDB refuses names that the expression does not use.
    return {placeholder: name for placeholder, name in _NAMES.items() if placeholder in expression}
