"""A project of a few lines in the shape of a deployment, to see how the stack treats functions that misbehave."""

from __future__ import annotations

from pathlib import Path

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Greeting: {Type: String, Default: hello}
  OhApiBaseUrl: {Type: String, Default: "https://api.example.com", AllowedPattern: "https://.+"}
  Stage: {Type: String, Default: prod}
Conditions:
  Loud: !Equals [!Ref Greeting, HELLO]
Globals:
  Function:
    Runtime: python3.13
    CodeUri: functions/
    Timeout: 5
    Environment:
      Variables:
        GREETING: !Ref Greeting
        VOLUME: !If [Loud, "11", "1"]
        THINGS_TABLE: !Ref Things
        SECRET_ARN: !Ref Keys
        UPSTREAM: !Sub "${OhApiBaseUrl}/v1"
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties: {StageName: !Ref Stage, OpenApiVersion: 3.0.1, Auth: {ApiKeyRequired: true}}
  OpenFunction:
    Type: AWS::Serverless::Function
    Properties:
      Handler: sample.handler.lambda_handler
      Events:
        Open:
          Type: Api
          Properties: {RestApiId: !Ref Api, Path: "/open/{name}", Method: POST, Auth: {ApiKeyRequired: false}}
  GuardedFunction:
    Type: AWS::Serverless::Function
    Properties:
      Handler: sample.handler.lambda_handler
      Timeout: 1
      Events:
        Guarded:
          Type: Api
          Properties: {RestApiId: !Ref Api, Path: /guarded, Method: GET}
  WorkFunction:
    Type: AWS::Serverless::Function
    Properties: {Handler: sample.handler.work}
  Machine:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.asl.yaml
      DefinitionSubstitutions: {WorkArn: !GetAtt WorkFunction.Arn, ThingsTable: !Ref Things}
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}, {AttributeName: owner, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      GlobalSecondaryIndexes:
        - IndexName: by_owner
          KeySchema: [{AttributeName: owner, KeyType: HASH}]
          Projection: {ProjectionType: KEYS_ONLY}
      TimeToLiveSpecification: {AttributeName: expires_at, Enabled: true}
  Results: {Type: AWS::S3::Bucket}
  Keys: {Type: AWS::SecretsManager::Secret, Properties: {Name: !Sub "${AWS::StackName}/keys"}}
"""

MACHINE = """
StartAt: Work
States:
  Work:
    Type: Task
    Resource: arn:aws:states:::lambda:invoke
    Parameters: {FunctionName: "${WorkArn}", "Payload.$": "$"}
    OutputPath: $.Payload
    Catch:
      - {ErrorEquals: [TooTired], Next: Tired, ResultPath: $.error}
      - {ErrorEquals: [States.ALL], Next: Broken, ResultPath: $.error}
    Next: Record
  Record:
    Type: Task
    Resource: arn:aws:states:::dynamodb:putItem
    Parameters: {TableName: "${ThingsTable}", Item: {id: {"S.$": $.id}, owner: {S: machine}}}
    ResultPath: null
    End: true
  Tired: {Type: Fail, Error: Tired, Cause: too tired}
  Broken: {Type: Fail, Error: Broken, Cause: something else}
"""

HANDLER = """
import json, os, threading, time

CALLS = []


class TooTired(Exception):
    pass


def lambda_handler(event, context):
    query = event["queryStringParameters"] or {}
    CALLS.append(1)
    if "exit" in query:
        os._exit(int(query["exit"]))
    if "error" in query:
        raise RuntimeError(query["error"])
    if "sleep" in query:
        time.sleep(float(query["sleep"]))
    if "late" in query:
        threading.Thread(target=write_late, args=(query["late"],)).start()
    if "print" in query:
        print(query["print"])
    answer = {
        "event": event,
        "variables": dict(os.environ),
        "pid": os.getpid(),
        "calls": len(CALLS),
        "left": context.get_remaining_time_in_millis(),
    }
    return {"statusCode": 200, "body": json.dumps(answer)}


def write_late(path):
    time.sleep(0.3)
    with open(path, "w") as file:
        file.write("late")


def work(event, context):
    if event.get("tired"):
        raise TooTired("no")
    if event.get("broken"):
        raise ValueError("no")
    time.sleep(event.get("sleep", 0))
    return {"id": event["id"], "request_id": context.aws_request_id}
"""


def write_project(directory: Path) -> Path:
    """Write the project into a directory; gives the directory."""
    package = directory / "functions" / "sample"
    package.mkdir(parents=True)
    (directory / "layers" / "client").mkdir(parents=True)
    (directory / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    (directory / "machine.asl.yaml").write_text(MACHINE, encoding="utf-8")
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "handler.py").write_text(HANDLER, encoding="utf-8")
    return directory
