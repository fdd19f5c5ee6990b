"""The operations of avatars: Trulience's webhooks, and sessions for partners."""

from typing import Any

from scripts.openapi_answers import error, with_common

Json = dict[str, Any]

_SESSION = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
_CHARACTER_ID = {
    "name": "character_id",
    "in": "path",
    "required": True,
    "description": "The OH character the avatar speaks as.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,128}$"},
    "example": "1234",
}
_SESSION_ID = {
    "name": "session_id",
    "in": "path",
    "required": True,
    "description": "Trulience's id of the session.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 256},
    "example": _SESSION,
}
_SHOWN = {
    "session_id": _SESSION,
    "character_id": "1234",
    "user_id": "user-7",
    "room_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "locale": "en-US",
    "turn": 3,
    "can_receive_messages": True,
    "created_at": "2026-08-18T09:30:00.123456Z",
    "last_active_at": "2026-08-18T09:32:10.500000Z",
    "expires_at": "2026-08-18T11:32:10.500000Z",
}
_NOT_FOUND = error("There is no such session.", "session_not_found")
_BEARER: list[Json] = [{"TrulienceBearer": []}]


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: Json, **examples: Json) -> Json:
    return {
        "application/json": {"schema": schema, "examples": {name: {"value": value} for name, value in examples.items()}}
    }


def _trulience_errors() -> Json:
    def answer(description: str, sentence: str) -> Json:
        example = {"status": "ERROR", "statusMessage": sentence, "error": sentence}
        schema = {"anyOf": [_ref("ErrorAnswer"), _ref("GatewayError")]}
        return {"description": description, "content": _json(schema, error=example)}

    return {
        "400": answer("The event breaks a rule.", "The field sessionId is missing: it must be a string."),
        "401": answer("The bearer token is missing or wrong.", "The bearer token is missing or wrong."),
        "500": answer("A fault on our side.", "Something failed on our side."),
        "503": answer("A part of this deployment does not answer.", "The table of sessions does not answer."),
    }


def _webhook() -> Json:
    login = {
        "action": "LOGIN",
        "sessionId": _SESSION,
        "userId": "user-7",
        "locale": "en-US",
        "lastSeen": "2026-08-01 10:00:00",
        "authToken": "token-of-this-session",
        "callbackUrl": "https://trulience.com/tglisten",
    }
    chat = {"action": "CHAT", "sessionId": _SESSION, "userId": "user-7", "message": "What is new?"}
    logout = {"action": "LOGOUT", "sessionId": _SESSION, "userId": "user-7"}
    events = ["LoginEvent", "ChatEvent", "LogoutEvent"]
    answers = ["ChatAnswer", "LoginAnswer", "LogoutAnswer"]
    ok = {"sessionId": _SESSION, "status": "OK"}
    return {
        "operationId": "avatarWebhook",
        "summary": "Take one of Trulience's events",
        "description": "A CHAT is answered in time whatever happens behind it; a late answer is spoken later.",
        "tags": ["avatars"],
        "security": _BEARER,
        "parameters": [_CHARACTER_ID],
        "requestBody": {
            "required": True,
            "content": _json({"oneOf": [_ref(name) for name in events]}, login=login, chat=chat, logout=logout),
        },
        "responses": with_common(
            {
                "200": {
                    "description": "The event is taken; a CHAT's reply is what the avatar says now.",
                    "content": _json(
                        {"anyOf": [_ref(name) for name in answers]},
                        login={**ok, "statusMessage": "Hello! It is lovely to meet you."},
                        chat={**ok, "reply": "Nothing much, and you?", "statusMessage": "OK"},
                        late={**ok, "reply": "", "statusMessage": "OK"},
                        logout={**ok, "statusMessage": "Session Ended"},
                    ),
                },
                **_trulience_errors(),
            },
            key=False,
            body=True,
        ),
    }


def _session_events() -> Json:
    example = {
        "event_type": "session.disconnect",
        "customer_id": "c-1",
        "avatar_id": "a-1",
        "session_id": _SESSION,
        "timestamp": "2026-08-18T09:40:00Z",
    }
    return {
        "operationId": "avatarSessionEvent",
        "summary": "Take one of the platform's session webhooks",
        "tags": ["avatars"],
        "security": _BEARER,
        "parameters": [_CHARACTER_ID],
        "requestBody": {"required": True, "content": _json(_ref("SessionWebhookEvent"), disconnect=example)},
        "responses": with_common(
            {
                "200": {
                    "description": "The event is taken.",
                    "content": _json(
                        {"anyOf": [_ref("LoginAnswer"), _ref("LogoutAnswer")]},
                        ended={"sessionId": _SESSION, "status": "OK", "statusMessage": "Session Ended"},
                    ),
                },
                **_trulience_errors(),
            },
            key=False,
            body=True,
        ),
    }


def _list() -> Json:
    return {
        "operationId": "listSessions",
        "summary": "List an avatar's open sessions, newest first",
        "tags": ["avatars"],
        "parameters": [
            _CHARACTER_ID,
            {
                "name": "limit",
                "in": "query",
                "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
            },
            {"name": "cursor", "in": "query", "schema": {"type": "string", "minLength": 1}},
        ],
        "responses": with_common(
            {
                "200": {
                    "description": "A page of sessions.",
                    "content": _json(_ref("SessionPage"), page={"sessions": [_SHOWN], "next_cursor": None}),
                },
                "400": error("A parameter breaks a rule.", "invalid_request"),
            }
        ),
    }


def _read() -> Json:
    return {
        "operationId": "getSession",
        "summary": "Show a session",
        "tags": ["avatars"],
        "parameters": [_SESSION_ID],
        "responses": with_common(
            {
                "200": {"description": "The session.", "content": _json(_ref("Session"), open=_SHOWN)},
                "404": _NOT_FOUND,
            }
        ),
    }


def _end() -> Json:
    return {
        "operationId": "endSession",
        "summary": "End a session, as a LOGOUT does",
        "tags": ["avatars"],
        "parameters": [_SESSION_ID],
        "responses": with_common({"204": {"description": "It has ended."}, "404": _NOT_FOUND}),
    }


def _speak() -> Json:
    return {
        "operationId": "speak",
        "summary": "Have a session's avatar say something",
        "tags": ["avatars"],
        "parameters": [_SESSION_ID],
        "requestBody": {
            "required": True,
            "content": _json(_ref("MessageRequest"), message={"message": "Your order is on its way."}),
        },
        "responses": with_common(
            {
                "200": {
                    "description": "Trulience took the message.",
                    "content": _json(_ref("MessageDelivery"), taken={"session_id": _SESSION, "delivered": True}),
                },
                "400": error("The body breaks a rule.", "invalid_request"),
                "404": _NOT_FOUND,
                "409": error("The session gave no callback.", "no_callback"),
                "502": error("Trulience did not take it.", "trulience_refused", "trulience_unreachable", gateway=True),
            },
            body=True,
        ),
    }


def paths() -> Json:
    """The paths of avatars and their sessions."""
    return {
        "/avatars/{character_id}/webhook": {"post": _webhook()},
        "/avatars/{character_id}/session-events": {"post": _session_events()},
        "/avatars/{character_id}/sessions": {"get": _list()},
        "/sessions/{session_id}": {"get": _read(), "delete": _end()},
        "/sessions/{session_id}/messages": {"post": _speak()},
    }
