"""check, dump, version and help, as their user sees them."""
import os

import pytest
from support import configuration as istio
from support.gateway import ROOT, fairlead

SHARED = os.path.join(ROOT, "..", "shared", "scenario")


def test_help_everywhere():
    for command in ([], ["run"], ["check"], ["dump"], ["version"]):
        result = fairlead(*command, "--help")
        assert result.returncode == 0 and "fairlead" in result.stdout


def test_unknown_options_and_commands_are_refused():
    for arguments in (["run", "--nonsense"], ["nonsense"], ["run"]):
        result = fairlead(*arguments)
        assert result.returncode == 2 and result.stderr


def test_a_gateway_does_not_start_from_nothing(tmp_path):
    result = fairlead("run", "-f", tmp_path / "absent", "--bind", "127.0.0.1")
    assert result.returncode == 1 and "absent" in result.stderr


def test_version():
    result = fairlead("version")
    assert result.returncode == 0 and result.stdout.startswith("fairlead ")


@pytest.mark.skipif(not os.path.isdir(SHARED), reason="the scenario's own files are not here")
@pytest.mark.parametrize("stage", ["1", "2"])
def test_the_scenarios_files_are_accepted_verbatim(stage, tmp_path):
    for name in os.listdir(SHARED):
        if name.startswith(stage + "-"):
            (tmp_path / name).write_text(open(os.path.join(SHARED, name), encoding="utf-8").read())
    result = fairlead("check", "-f", tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_check_points_at_the_place(tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("""apiVersion: networking.istio.io/v1
kind: Gateway
metadata:
  name: gateway
spec:
  selector:
    istio: ingressgateway
  servers:
    - hosts: ["a.example.com"]
      port: {number: 443, name: https, protocol: HTTPSS}
      tls: {mode: SIMPLE, credentialName: x}
""")
    result = fairlead("check", "-f", file)
    assert result.returncode == 1
    text = result.stdout + result.stderr
    assert f"{file}:10:" in text and "HTTPSS" in text


def test_several_gateways_need_a_choice(tmp_path):
    operator = istio.operator([("http2", 80, 8080)])
    entries = operator["spec"]["components"]["ingressGateways"]
    entries.append({"name": "second-gateway", "enabled": True})
    (tmp_path / "operator.yaml").write_text(istio.listing(operator))
    result = fairlead("dump", "-f", tmp_path)
    assert result.returncode != 0
    assert "istio-ingressgateway" in result.stderr and "second-gateway" in result.stderr
    assert fairlead("dump", "-f", tmp_path, "--gateway", "second-gateway").returncode == 0


def test_dump_is_stable_and_shows_no_keys(tmp_path, authority):
    certificate = authority.issue("a.example.com")
    (tmp_path / "all.yaml").write_text(istio.listing(
        istio.gateway(istio.server(443, "HTTPS", ["a.example.com"], {"mode": "SIMPLE", "credentialName": "c"})), certificate.secret("c")))
    first, second = fairlead("dump", "-f", tmp_path), fairlead("dump", "-f", tmp_path)
    assert first.returncode == 0 and first.stdout == second.stdout
    assert "a.example.com" in first.stdout and "PRIVATE" not in first.stdout


def test_standard_input_is_a_path():
    result = fairlead("check", "-f", "-", stdin=istio.listing(istio.gateway(istio.server(80, "HTTP", ["*"]))))
    assert result.returncode == 0, result.stderr
