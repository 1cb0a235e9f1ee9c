"""Readiness, reload, faults and the end."""
import json
import os
import signal
import time

from support import configuration as istio
from support.client import connect, read_response, request
from support.gateway import fairlead, free_ports, wait_until


def path_route(name, host, port):
    return istio.virtual_service(name, [host], http=[{"route": [istio.destination("app.internal.example", port)]}])


def test_status_port(scenario):
    gateway = scenario.start()
    assert gateway.status("/healthz/ready") == 200
    assert gateway.status("/healthz/ready/more") == 200
    assert gateway.status("/other") == 404


def test_a_new_route_is_served_without_a_restart(scenario):
    scenario.start()
    assert request(scenario.https_port, "/", "new.example.com", tls=True).status == 404
    scenario.write("new.yaml", istio.virtual_service("new", ["new.example.com"], http=[{"route": [istio.destination("app.internal.example", 80)]}]))
    wait_until(lambda: request(scenario.https_port, "/", "new.example.com", tls=True).status == 200, what="the new route")
    os.unlink(scenario.folder / "new.yaml")
    wait_until(lambda: request(scenario.https_port, "/", "new.example.com", tls=True).status == 404, what="the route to go")


def test_a_broken_file_is_reported_and_the_last_good_one_keeps_serving(scenario):
    gateway = scenario.start()
    good = (scenario.folder / "virtual-services.yaml").read_text()

    def replace(text):
        (scenario.folder / ".new").write_text(text)
        (scenario.folder / ".new").rename(scenario.folder / "virtual-services.yaml")

    replace("kind: [unclosed\n" + good)
    gateway.wait_said("virtual-services.yaml")
    assert request(scenario.https_port, "/", tls=True).status == 200
    replace(good)
    assert request(scenario.https_port, "/", tls=True).status == 200


def test_what_admission_would_refuse_keeps_its_last_good_version_and_is_not_served_at_a_start(scenario):
    gateway = scenario.start()
    route = {"route": [istio.destination("app.internal.example", 80)]}
    ask = lambda: request(scenario.https_port, "/", "ruled.example.com", tls=True).status
    scenario.write("ruled.yaml", istio.virtual_service("ruled", ["ruled.example.com"], http=[route]))
    wait_until(lambda: ask() == 200, what="the route")
    # One of two rules is against admission: without the other version, neither would be served.
    scenario.write("ruled.yaml", istio.virtual_service("ruled", ["ruled.example.com"], http=[route, {**route, "timeout": "0s"}]))
    gateway.wait_said("the duration is too short")
    gateway.wait_said("its last good version stays in use")
    assert ask() == 200
    gateway.stop()
    scenario.start()
    assert ask() == 404


def test_kubernetes_volume_links_are_followed(scenario, run_gateway, tmp_path):
    """A ConfigMap volume: files are links through ..data, which is swapped by a rename."""
    volume = tmp_path / "volume"
    first, second = volume / "..first", volume / "..second"
    first.mkdir(parents=True)
    second.mkdir()
    for name in os.listdir(scenario.folder):
        text = (scenario.folder / name).read_text()
        (first / name).write_text(text)
        (second / name).write_text(text.replace("app.example.com", "moved.example.com"))
        (volume / name).symlink_to(os.path.join("..data", name))
    (volume / "..data").symlink_to("..first")
    run_gateway(volume)
    assert request(scenario.https_port, "/", tls=True).status == 200
    (volume / "..data_tmp").symlink_to("..second")
    os.rename(volume / "..data_tmp", volume / "..data")
    wait_until(lambda: request(scenario.https_port, "/", "moved.example.com", tls=True).status == 200, what="the swapped volume")
    assert request(scenario.https_port, "/", tls=True).status == 404


def test_a_missing_secret_harms_only_its_own_names_and_its_coming_is_noticed(scenario):
    secret = scenario.read("secret.yaml")["items"]
    os.unlink(scenario.folder / "secret.yaml")
    gateway = scenario.start()
    assert gateway.said("ingress-cert")
    try:
        assert request(scenario.https_port, "/", tls=True) is None
    except OSError:
        pass
    assert request(scenario.https_port, "/", "nginx.tls.example.com", tls=True).status == 200
    assert request(scenario.http_port, "/").status == 301
    scenario.write("secret.yaml", *secret)

    def served():
        try:
            return request(scenario.https_port, "/", tls=True).status == 200
        except OSError:
            return False
    begun = time.monotonic()
    wait_until(served, what="the new Secret")
    assert time.monotonic() - begun < 5


def test_a_rotated_certificate_is_served_and_a_corrupted_or_deleted_one_is_not_lost(scenario, authority):
    scenario.start()
    other = authority.issue("*.example.com")
    scenario.write("secret.yaml", other.secret("ingress-cert"))
    wait_until(lambda: request(scenario.https_port, "/", tls=True).certificate == other.der, what="the rotated certificate")
    broken = other.secret("ingress-cert")
    broken["data"]["tls.crt"] = "bm90IGEgY2VydGlmaWNhdGU="
    scenario.write("secret.yaml", broken)
    scenario.gateway.wait_said("ingress-cert")
    assert request(scenario.https_port, "/", tls=True).certificate == other.der
    os.unlink(scenario.folder / "secret.yaml")
    scenario.gateway.signal(signal.SIGHUP)
    assert request(scenario.https_port, "/", tls=True).certificate == other.der


def test_an_unknown_destination_answers_503_nc(scenario):
    scenario.write("bad.yaml", istio.virtual_service("bad", ["bad.example.com"], http=[{"route": [istio.destination("nowhere.example", 80)]}]))
    gateway = scenario.start()
    assert request(scenario.https_port, "/nc", "bad.example.com", tls=True).status == 503
    entry = gateway.entry(path="/nc")
    assert (entry["response_flags"], entry["response_code_details"]) == ("NC", "cluster_not_found")
    assert request(scenario.https_port, "/", tls=True).status == 200


def test_no_endpoint_answers_503_uh(scenario):
    backends = scenario.read("backends.yaml")["items"]
    backends[0]["spec"]["endpoints"] = []
    scenario.write("backends.yaml", *backends)
    gateway = scenario.start()
    response = request(scenario.https_port, "/uh", tls=True)
    assert (response.status, response.body) == (503, b"no healthy upstream")
    entry = gateway.entry(path="/uh")
    assert (entry["response_flags"], entry["response_code_details"]) == ("UH", "no_healthy_upstream")


def test_a_refused_connection_is_503_uf_after_retries(scenario):
    backends = scenario.read("backends.yaml")["items"]
    backends[0]["spec"]["endpoints"][0]["ports"]["port"] = free_ports(1)[0]
    scenario.write("backends.yaml", *backends)
    gateway = scenario.start()
    assert request(scenario.https_port, "/uf", tls=True).status == 503
    entry = gateway.entry(path="/uf")
    assert "UF" in entry["response_flags"] and "URX" in entry["response_flags"]
    assert "connection_failure" in entry["response_code_details"]


def test_open_connections_survive_a_reload(scenario):
    scenario.start()
    with connect(scenario.https_port, "app.example.com", tls=True) as kept, connect(scenario.https_port, "nginx.tls.example.com", tls=True) as tunnel:
        scenario.write("new.yaml", istio.virtual_service("new", ["new.example.com"], http=[{"route": [istio.destination("app.internal.example", 80)]}]))
        wait_until(lambda: request(scenario.https_port, "/", "new.example.com", tls=True).status == 200, what="the new route")
        for connection, host in ((kept, "app.example.com"), (tunnel, "nginx.tls.example.com")):
            connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            with connection.makefile("rb") as stream:
                assert read_response(stream).status == 200


def test_sigterm_turns_unready_says_close_and_ends_when_all_is_done(scenario):
    gateway = scenario.start()
    with connect(scenario.https_port, "app.example.com", tls=True) as connection, connection.makefile("rb") as stream:
        connection.sendall(b"POST /slow HTTP/1.1\r\nHost: app.example.com\r\nContent-Length: 2\r\n\r\na")
        wait_until(lambda: any(b"/slow" in head for head in scenario.app.received), what="the request upstream")
        gateway.signal(signal.SIGTERM)
        wait_until(lambda: gateway.status() in (503, None), what="503")
        connection.sendall(b"b")
        response = read_response(stream)
        assert response.status == 200
        assert response.field("connection") == "close"
    begun = time.monotonic()
    gateway.process.wait(10)
    assert time.monotonic() - begun < 4, "it should end early when no connection is left"


def test_a_second_instance_on_the_same_ports_is_refused(scenario):
    gateway = scenario.start()
    second = fairlead("run", "-f", scenario.folder, "--bind", "127.0.0.1", "--status-port", str(gateway.status_port), "--admin", "off", "--metrics-port", "0",
                      "--concurrency", "1")
    assert second.returncode != 0
    assert str(gateway.status_port) in second.stderr or str(scenario.http_port) in second.stderr


def test_the_access_log_file_is_reopened(scenario, tmp_path):
    log = tmp_path / "access.log"
    objects = scenario.read("operator.yaml")["items"]
    objects[0]["spec"]["meshConfig"]["accessLogFile"] = str(log)
    scenario.write("operator.yaml", *objects)
    gateway = scenario.start()
    request(scenario.http_port, "/one")
    wait_until(lambda: log.exists() and "/one" in log.read_text(), what="the first line")
    os.rename(log, tmp_path / "access.log.1")
    gateway.signal(signal.SIGUSR1)
    wait_until(log.exists, what="the new file")
    request(scenario.http_port, "/two")
    wait_until(lambda: "/two" in log.read_text(), what="the second line")
    assert json.loads(log.read_text().splitlines()[0])["path"] == "/two"
