"""Session tickets of two replicas with the same keys: resumption, rotation, and what is said of keys that cannot be used."""
import base64
import os
import subprocess
import time

import pytest
from support.gateway import fairlead, wait_until
from support import configuration as istio

VERSIONS = ["-tls1_2", "-tls1_3"]


def new_key():
    return os.urandom(80)


class Keys:
    """A folder as a mounted Secret is: files that are links through ..data, which is swapped by a rename."""

    def __init__(self, folder):
        self.folder, self.count, self.values = folder, 0, {"current": new_key(), "next": new_key()}
        folder.mkdir()
        self.write()

    def write(self):
        self.count += 1
        version = self.folder / f"..{self.count}"
        version.mkdir()
        for name, value in self.values.items():
            (version / name).write_bytes(value)
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(os.path.join("..data", name))
        (self.folder / "..new").symlink_to(version.name)
        (self.folder / "..new").rename(self.folder / "..data")

    def rotate(self):
        self.values = {"previous": self.values["current"], "current": self.values["next"], "next": new_key()}
        self.write()


def s_client(address, port, version, *arguments):
    result = subprocess.run(["openssl", "s_client", "-connect", f"{address}:{port}", "-servername", "app.example.com", version, "-ign_eof", *arguments],
                            input=b"GET / HTTP/1.1\r\nHost: app.example.com\r\nConnection: close\r\n\r\n", capture_output=True, timeout=30, check=False)
    assert b"HTTP/1.1 200" in result.stdout, result
    return result.stdout


def first(address, port, version, session):
    assert b"\nNew, TLS" in s_client(address, port, version, "-sess_out", str(session))


def is_resumed(address, port, version, session):
    output = s_client(address, port, version, "-sess_in", str(session))
    assert (b"\nReused, TLS" in output) != (b"\nNew, TLS" in output)
    return b"\nReused, TLS" in output


@pytest.fixture
def replicas(scenario, run_gateway):
    """replicas(place) starts two gateways of one configuration, on addresses of their own."""
    def start(place):
        return [run_gateway(scenario.folder, arguments=["--ticket-keys", str(place)], address=address) for address in ("127.0.0.1", "127.0.0.2")]
    return start


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_of_one_process_is_resumed_by_another(scenario, replicas, tmp_path, version):
    keys, session = Keys(tmp_path / "keys"), tmp_path / "session"
    gateways = replicas(keys.folder)
    first("127.0.0.1", scenario.https_port, version, session)
    for address in ("127.0.0.1", "127.0.0.2"):
        assert is_resumed(address, scenario.https_port, version, session)
    # One rotation: tickets of the former key are good; two: they are not.
    keys.rotate()
    for gateway in gateways:
        wait_until(lambda: sum("configuration 2:" in line for line in gateway.error_lines), what="the rotated keys")  # pylint: disable=cell-var-from-loop
    assert is_resumed("127.0.0.2", scenario.https_port, version, session)
    keys.rotate()
    for gateway in gateways:
        wait_until(lambda: sum("configuration 3:" in line for line in gateway.error_lines), what="the rotated keys")  # pylint: disable=cell-var-from-loop
    assert not is_resumed("127.0.0.2", scenario.https_port, version, session)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_replica_that_has_rotated_and_one_that_has_not(scenario, run_gateway, tmp_path, version):
    early, session = Keys(tmp_path / "early"), tmp_path / "session"
    late = Keys(tmp_path / "late")
    late.values = dict(early.values)
    late.write()
    early.rotate()
    run_gateway(scenario.folder, arguments=["--ticket-keys", str(early.folder)])
    run_gateway(scenario.folder, arguments=["--ticket-keys", str(late.folder)], address="127.0.0.2")
    for one, other in (("127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.1")):
        first(one, scenario.https_port, version, session)
        assert is_resumed(other, scenario.https_port, version, session)


@pytest.mark.parametrize("version", VERSIONS)
def test_processes_without_shared_keys_do_not_open_each_other_s_tickets(scenario, run_gateway, tmp_path, version):
    for address in ("127.0.0.1", "127.0.0.2"):
        run_gateway(scenario.folder, address=address)
    first("127.0.0.1", scenario.https_port, version, tmp_path / "session")
    assert is_resumed("127.0.0.1", scenario.https_port, version, tmp_path / "session")
    assert not is_resumed("127.0.0.2", scenario.https_port, version, tmp_path / "session")


@pytest.mark.parametrize("version", VERSIONS)
def test_keys_from_a_secret(scenario, replicas, tmp_path, version):
    def write(**values):
        scenario.write("tickets.yaml", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "tickets", "namespace": "istio-system"},
                                        "data": {name: base64.b64encode(value).decode() for name, value in values.items()}})
    current = new_key()
    write(current=current)
    gateways = replicas("secret:tickets")
    first("127.0.0.1", scenario.https_port, version, tmp_path / "session")
    assert is_resumed("127.0.0.2", scenario.https_port, version, tmp_path / "session")
    write(previous=current, current=new_key())
    gateways[1].wait_said("configuration 2:")
    assert is_resumed("127.0.0.2", scenario.https_port, version, tmp_path / "session")
    write(current=new_key())
    gateways[1].wait_said("configuration 3:")
    assert not is_resumed("127.0.0.2", scenario.https_port, version, tmp_path / "session")


@pytest.mark.parametrize("version", VERSIONS)
def test_keys_that_cannot_be_used_are_told_of_and_the_former_stay(scenario, run_gateway, tmp_path, version):
    keys, session = Keys(tmp_path / "keys"), tmp_path / "session"
    gateway = run_gateway(scenario.folder, arguments=["--ticket-keys", str(keys.folder)])
    first("127.0.0.1", scenario.https_port, version, session)
    keys.values["current"] = b"too short"
    keys.write()
    gateway.wait_said("it does not have 80 bytes; the former keys stay in use")
    assert is_resumed("127.0.0.1", scenario.https_port, version, session)
    _, text = gateway.admin("/diagnostics")
    assert "FL0410" in text, text
    keys.values["current"] = keys.values["next"]
    keys.write()
    gateway.wait_said("it is the current one again")


@pytest.mark.parametrize("prepare, text", [
    (lambda folder: (folder / "current").unlink(), "it is missing"),
    (lambda folder: (folder / "next").write_bytes(bytes(81)), "it does not have 80 bytes and is left out"),
    (lambda folder: os.utime(folder / "current", (time.time() - 49 * 3600,) * 2), "it is stale: unchanged for 49 hours")])
def test_check_tells_of_keys_too(scenario, tmp_path, prepare, text):
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in ("current", "next"):
        (folder / name).write_bytes(new_key())
    assert fairlead("check", "-f", scenario.folder, "--ticket-keys", folder).returncode == 0
    prepare(folder)
    result = fairlead("check", "-f", scenario.folder, "--ticket-keys", folder)
    assert text in result.stdout and "FL0410" in result.stdout, result.stdout
