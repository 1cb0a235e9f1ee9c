"""Fixtures of the scenario tests: a certificate authority for the run, a gateway for a test."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from support.gateway import Gateway  # noqa: E402
from support.pki import Authority  # noqa: E402
from support.upstream import Nginx, Origin  # noqa: E402


@pytest.fixture(scope="session")
def authority():
    return Authority()


@pytest.fixture
def run_gateway():
    """run_gateway(*paths, arguments=()) starts one; all are ended in order and must have ended well."""
    running = []

    def start(*paths, **options):
        running.append(Gateway(*paths, **options))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def origin():
    """origin(name, handle=None) starts an upstream."""
    running = []

    def start(*arguments, **options):
        running.append(Origin(*arguments, **options))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture(scope="session")
def nginx(tmp_path_factory, authority):
    server = Nginx(str(tmp_path_factory.mktemp("nginx")), Authority.self_signed("nginx.tls.example.com"))
    yield server
    server.stop()
