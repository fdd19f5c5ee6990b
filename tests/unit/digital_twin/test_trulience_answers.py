import json

from digital_twin.trulience import ChatAnswer, ErrorAnswer, LoginAnswer, LogoutAnswer


def test_answers_speak_trulience():
    login = LoginAnswer(session_id="s", status_message="Hello again")
    assert json.loads(login.to_json()) == {"sessionId": "s", "status": "OK", "statusMessage": "Hello again"}
    chat = ChatAnswer(session_id="s", reply="")
    assert json.loads(chat.to_json()) == {"sessionId": "s", "reply": "", "status": "OK", "statusMessage": "OK"}
    logout = LogoutAnswer(session_id="s")
    assert json.loads(logout.to_json()) == {"sessionId": "s", "status": "OK", "statusMessage": "Session Ended"}


def test_a_login_has_a_message_of_its_own():
    assert json.loads(LoginAnswer(session_id="s").to_json())["statusMessage"] == "Session Created"


def test_an_error_names_the_session_where_it_is_known():
    error = ErrorAnswer(session_id="s", status_message="Bad request", error="The field message is missing.")
    assert json.loads(error.to_json()) == {
        "sessionId": "s",
        "status": "ERROR",
        "statusMessage": "Bad request",
        "error": "The field message is missing.",
    }
    unknown = ErrorAnswer(status_message="Bad request", error="Not JSON.")
    assert "sessionId" not in json.loads(unknown.to_json())


def test_tags_in_a_reply_stay_as_they_are():
    reply = 'Wait <trl-break duration="1.0" /> now'
    assert json.loads(ChatAnswer(session_id="s", reply=reply).to_json())["reply"] == reply
