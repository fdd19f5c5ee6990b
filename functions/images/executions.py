"""The workflow's executions: one for each job, named after it."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from common.errors import UnavailableError
from images.job import Job
from images.job_store import to_record
from images.polling import FIRST_WAIT_SECONDS

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")


def safe_name(job_id: str) -> str:
    """A job's name where not every character may stand: in an execution's name and in an object's key.

    The id itself wherever it can be, so that an operator finds the one by the other; else a hash of it.
    """
    return job_id if _NAME.fullmatch(job_id) else f"job-{hashlib.sha256(job_id.encode()).hexdigest()[:60]}"


def execution_input(job: Job, *, deadline_at: float) -> str:
    """What the workflow begins with, as JSON. Every path it reads is there from the start.

    Args:
        job: The record to be written first.
        deadline_at: When the job is given up, in epoch seconds.
    """
    first = "session" if job.session_id else "callback" if job.callback_url else "nobody"
    callback = "yes" if job.callback_url else "no"
    return json.dumps(
        {
            "record": to_record(job),
            "job": {"job_id": job.job_id, "deadline_at": deadline_at},
            "check": {"wait_seconds": FIRST_WAIT_SECONDS, "polls": 0, "status": job.status, "at": job.created_at},
            "store": {"dead_links": 0},
            "failure": {"code": "none", "message": "none"},
            "asked": {"first": first, "callback": callback},
            "told": {"attempt": 0},
        },
        separators=(",", ":"),
    )


@dataclass(frozen=True)
class Execution:
    """An execution as Step Functions knows it.

    Attributes:
        running: Whether it goes on.
        succeeded: Whether it ended well.
        record: The job's record as it was at the start, in DynamoDB's types.
    """

    running: bool
    succeeded: bool
    record: dict[str, Any]


class Executions:
    """Starts and finds executions of one state machine."""

    def __init__(self, client: "SFNClient", state_machine_arn: str) -> None:
        self._client = client
        self._arn = state_machine_arn

    def start(self, job_id: str, input_json: str) -> None:
        """Starts the workflow of a job; once it is started, starting it again does nothing.

        Raises:
            UnavailableError: Step Functions refuses or does not answer.
        """
        try:
            self._client.start_execution(stateMachineArn=self._arn, name=safe_name(job_id), input=input_json)
        except self._client.exceptions.ExecutionAlreadyExists:
            return
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("The workflow cannot be started at the moment.", retry_after=5) from error

    def find(self, job_id: str) -> Execution | None:
        """The execution of a job, or None where there is none.

        Raises:
            UnavailableError: Step Functions refuses or does not answer.
        """
        arn = f"{self._arn.replace(':stateMachine:', ':execution:')}:{safe_name(job_id)}"
        try:
            found = self._client.describe_execution(executionArn=arn)
        except (self._client.exceptions.ExecutionDoesNotExist, self._client.exceptions.InvalidArn):
            return None
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("The state of the job cannot be read at the moment.", retry_after=2) from error
        status = found["status"]
        # Whatever an operator started by hand need not look like ours.
        given = json.loads(found.get("input") or "{}")
        record = given.get("record") if isinstance(given, dict) else None
        return Execution(status in ("RUNNING", "PENDING_REDRIVE"), status == "SUCCEEDED", record or {})
