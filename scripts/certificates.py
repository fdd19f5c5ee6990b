"""Trusted roots in the forms in which a function reads them fastest.

Reading all of certifi's roots takes 15 to 35 ms, and botocore does it for every connection. From a folder in OpenSSL's
hashed layout only the root that is needed is read, in less than one; of a bundle as small as that of AWS's own roots,
all are in two.
"""

import ssl
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from OpenSSL import crypto

BUNDLE = Path("certifi") / "cacert.pem"
"""Where in the layer certifi has its roots, from which the other two are made."""
HASHED_FOLDER = Path("digital_twin") / "ca_certificates"
"""Where in the layer `digital_twin.transport` looks for the roots."""
AWS_BUNDLE = Path("aws_roots.pem")
"""Where in the layer `common.aws` looks for the roots of AWS."""
AWS_ORGANISATIONS = frozenset({"Amazon", "Starfield Technologies, Inc."})
"""Who owns the roots under which AWS's endpoints are certified: "Amazon Trust Services"."""

_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


def roots(bundle: Path) -> Iterator[str]:
    """The text of each certificate of a bundle."""
    for part in bundle.read_text(encoding="utf-8").split(_BEGIN)[1:]:
        yield f"{_BEGIN}{part.partition(_END)[0]}{_END}\n"


def subject_of(root: str) -> dict[str, str]:
    """Whom a root belongs to: `organizationName`, `commonName` and what else it says."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=root)
    parts: Any = context.get_ca_certs()[0]["subject"]
    return {name: value for part in parts for name, value in part}


def write_hashed(bundle: Path, folder: Path) -> int:
    """Writes each root into a file that is named as OpenSSL looks for it; returns how many there are."""
    folder.mkdir(parents=True)
    seen: Counter[str] = Counter()
    for root in roots(bundle):
        name = subject_hash(root)
        (folder / f"{name}.{seen[name]}").write_text(root, encoding="ascii")
        seen[name] += 1
    return seen.total()


def subject_hash(root: str) -> str:
    """By what OpenSSL looks for a root."""
    return f"{_parsed(root).subject_name_hash():08x}"


def write_aws_bundle(bundle: Path, target: Path) -> int:
    """Writes the roots of AWS into one file; returns how many there are."""
    chosen = [root for root in roots(bundle) if subject_of(root).get("organizationName") in AWS_ORGANISATIONS]
    target.write_text("".join(chosen), encoding="ascii")
    return len(chosen)


def untrusted(bundle: Path, folder: Path) -> list[str]:
    """Roots of a bundle, by name, that OpenSSL does not find in a hashed folder."""
    store = crypto.X509Store()
    store.load_locations(None, str(folder))
    missing = []
    for root in roots(bundle):
        try:
            crypto.X509StoreContext(store, _parsed(root)).verify_certificate()
        except crypto.X509StoreContextError:
            missing.append(subject_of(root).get("commonName", "a root without a name"))
    return missing


def _parsed(root: str) -> crypto.X509:
    return crypto.load_certificate(crypto.FILETYPE_PEM, root.encode("ascii"))
