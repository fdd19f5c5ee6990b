"""botocore's descriptions of AWS's services, cut down to what the functions read of them.

As shipped by botocore, parsing the list of all services' endpoints takes 16 ms and 8 MB of a start, and the words that
describe DynamoDB's operations to people another 4 ms.
"""

import gzip
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# What of the descriptions no client needs: everything of a service but its API, endpoints, pages and waiters.
NEEDLESS = ("examples-*", "*.sdk-extras.json*")


def cut_down(folder: Path, services: set[str]) -> None:
    """Removes what no client of these services reads.

    Args:
        folder: The site-packages in which botocore and boto3 lie.
        services: The services as boto3 names them.
    """
    data = folder / "botocore" / "data"
    for parent in (data, folder / "boto3" / "data"):
        for entry in parent.iterdir():
            if entry.is_dir() and entry.name not in services:
                shutil.rmtree(entry)
    for pattern in NEEDLESS:
        for path in list(data.glob(f"*/*/{pattern}")):
            path.unlink()
    prefixes = {_remove_words(path) for path in data.glob("*/*/service-2.json.gz")}
    _keep_endpoints(data / "endpoints.json", prefixes)


def _remove_words(path: Path) -> str:
    """Empties the documentation in a service's description; returns the name its endpoints go by."""
    described = _without_words(json.loads(gzip.decompress(path.read_bytes())))
    # No time stamp, so that the same input gives the same bytes.
    path.write_bytes(gzip.compress(_compact(described), mtime=0))
    return str(described["metadata"]["endpointPrefix"])


def _without_words(value: Any) -> Any:
    if isinstance(value, dict):
        # Emptied, not removed: botocore reads some of them by name. A member of a shape may be called documentation
        # too: then it is a mapping.
        return {
            key: "" if key == "documentation" and isinstance(entry, str) else _without_words(entry)
            for key, entry in value.items()
        }
    if isinstance(value, list):
        return [_without_words(entry) for entry in value]
    return value


def _keep_endpoints(path: Path, prefixes: set[str]) -> None:
    listed = json.loads(path.read_text(encoding="utf-8"))
    for partition in listed["partitions"]:
        partition["services"] = {k: v for k, v in partition["services"].items() if k in prefixes}
    path.write_bytes(_compact(listed))


def _compact(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("utf-8")
