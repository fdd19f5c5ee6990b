"""Unit tests open no sockets: AWS is moto in process, HTTP is `httpx.MockTransport`."""

import pytest
from pytest_socket import disable_socket


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    disable_socket(allow_unix_socket=True)
