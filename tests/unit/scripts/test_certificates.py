import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from digital_twin import transport
from scripts import certificates, layer_checks

CERTIFI = Path(certifi.where())


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A layer with certifi's roots laid out."""
    (tmp_path / "certifi").mkdir()
    (tmp_path / certificates.BUNDLE).write_bytes(CERTIFI.read_bytes())
    certificates.write_hashed(CERTIFI, tmp_path / certificates.HASHED_FOLDER)
    certificates.write_aws_bundle(CERTIFI, tmp_path / certificates.AWS_BUNDLE)
    return tmp_path


def test_every_root_of_certifi_is_in_the_hashed_folder(layer: Path) -> None:
    files = list((layer / certificates.HASHED_FOLDER).iterdir())

    assert len(files) == len(ssl.create_default_context(cafile=certifi.where()).get_ca_certs())


def test_openssl_trusts_each_root_from_the_folder(layer: Path) -> None:
    assert certificates.untrusted(CERTIFI, layer / certificates.HASHED_FOLDER) == []
    layer_checks.check_certificates(layer)


def test_the_transport_looks_where_the_layer_has_the_folder() -> None:
    assert Path(*transport.CA_DIRECTORY.parts[-2:]) == certificates.HASHED_FOLDER


def test_roots_of_one_name_lie_beside_each_other(tmp_path: Path) -> None:
    root = next(certificates.roots(CERTIFI))
    twice = tmp_path / "twice.pem"
    twice.write_text(root + root)

    assert certificates.write_hashed(twice, tmp_path / "hashed") == 2
    name = certificates.subject_hash(root)
    assert {path.name for path in (tmp_path / "hashed").iterdir()} == {f"{name}.0", f"{name}.1"}


def test_the_bundle_for_aws_has_its_roots_and_few_more(layer: Path) -> None:
    names = {
        certificates.subject_of(root)["commonName"] for root in certificates.roots(layer / certificates.AWS_BUNDLE)
    }

    assert names >= layer_checks.AWS_ROOTS
    assert len(names) < 10


def test_a_root_that_is_not_found_is_told(layer: Path) -> None:
    root = next(certificates.roots(CERTIFI))
    (layer / certificates.HASHED_FOLDER / f"{certificates.subject_hash(root)}.0").unlink()

    with pytest.raises(layer_checks.LayerError, match="not trusted from the hashed folder"):
        layer_checks.check_certificates(layer)


def test_a_bundle_that_lacks_a_root_of_aws_is_told(layer: Path) -> None:
    bundle = layer / certificates.AWS_BUNDLE
    kept = [
        root for root in certificates.roots(bundle) if certificates.subject_of(root)["commonName"] != "Amazon Root CA 1"
    ]
    bundle.write_text("".join(kept))

    with pytest.raises(layer_checks.LayerError, match="Amazon Root CA 1"):
        layer_checks.check_certificates(layer)


def made_root(name: str, folder: Path) -> tuple[Path, Path]:
    """A root of our own with its key, which certifies itself for `name`: the files of both."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def shake_hands(client: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """A TLS handshake in memory with a server that shows this certificate; raises what the client's check raises."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(back, there, server_hostname=certificate.stem)
    theirs = server.wrap_bio(there, back, server_side=True)
    for side in (ours, theirs, ours):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue


def test_the_transport_trusts_what_is_in_the_folder_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, unknown = made_root("known.example", tmp_path), made_root("unknown.example", tmp_path)
    certificates.write_hashed(known[0], tmp_path / "hashed")
    monkeypatch.setattr(transport, "CA_DIRECTORY", tmp_path / "hashed")
    context = transport.tls_context.__wrapped__()

    shake_hands(context, *known)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(context, *unknown)
