import ssl
from pathlib import Path

import certifi
import pytest

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
    from digital_twin import transport

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
