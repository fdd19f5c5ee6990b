"""The DynamoDB table of rooms: one for each character and user, for good."""

from typing import TYPE_CHECKING, Any

from common.tables import ConditionFailedError, from_item, store_errors, to_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class RoomStore:
    """The rooms of every character and user.

    Every method raises `UnavailableError` where DynamoDB does not answer.

    Args:
        client: DynamoDB.
        table: The table's name.
    """

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._client = client
        self._table = table

    def find(self, character_id: str, user_id: str) -> str | None:
        """The pair's room id, or None (strongly consistent)."""
        with store_errors("rooms"):
            answer = self._client.get_item(
                TableName=self._table,
                Key=to_item({"character_id": character_id, "user_id": user_id}),
                ConsistentRead=True,
            )
        return str(from_item(answer["Item"])["room_id"]) if "Item" in answer else None

    def keep(self, character_id: str, user_id: str, room_id: str, *, instead_of: str | None) -> str:
        """Stores the pair's room unless another request was first.

        Args:
            character_id: The character.
            user_id: The user.
            room_id: The new room.
            instead_of: The room that stands there and is to be replaced; None where there is none yet.

        Returns:
            The room that stands there now: the given one, or the one of the request that was first.
        """
        if instead_of is None:
            condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(room_id)"}
        else:
            condition = {
                "ConditionExpression": "room_id = :stale",
                "ExpressionAttributeValues": to_item({":stale": instead_of}),
            }
        try:
            with store_errors("rooms"):
                self._client.put_item(
                    TableName=self._table,
                    Item=to_item({"character_id": character_id, "user_id": user_id, "room_id": room_id}),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **condition,
                )
        except ConditionFailedError as lost:
            # Without an item the row was deleted by an operator in this moment; the new room serves, unstored.
            return str(lost.item["room_id"]) if lost.item else room_id
        return room_id
