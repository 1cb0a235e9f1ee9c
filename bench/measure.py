"""What the benchmarks share: an origin, proxies pinned to one core, their CPU time by the kernel's accounting, rounds in which they take turns."""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))

from support import configuration as istio  # noqa: E402
from support.gateway import free_ports, wait_until  # noqa: E402
from support.pki import Authority  # noqa: E402

PROXY_CORE, LOAD_CORE = "0", "1"
TICKS = os.sysconf("SC_CLK_TCK")
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}


def cpu_seconds(pid):
    """Of a process and its children."""
    total = 0
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="latin1") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(entry) == pid or int(fields[1]) == pid:
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def pinned(core, *command):
    return subprocess.Popen(["taskset", "-c", core, *command], **QUIET)


def start_origin(folder):
    port, = free_ports(1)
    with open(os.path.join(folder, "nginx.conf"), "w", encoding="ascii") as file:
        file.write(f"""daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 100000000; server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello world\\n"; }} }} }}
""")
    return pinned(LOAD_CORE, "/usr/sbin/nginx", "-p", folder, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"), port


def start_fairlead(folder, binary, origin_port, certificate):
    """TLS on the port that is returned, everything to the origin, access log off."""
    port, status_port = free_ports(2)
    with open(os.path.join(folder, "fairlead.yaml"), "w", encoding="ascii") as file:
        file.write(istio.listing(
            istio.operator([("https", 443, port)], {"accessLogFile": ""}),
            istio.gateway(istio.server(443, "HTTPS", ["*"], {"mode": "SIMPLE", "credentialName": "cert"})), certificate.secret("cert"),
            istio.virtual_service("all", ["*"], http=[{"route": [istio.destination("origin.example", 80)]}]),
            istio.service_entry("origin.example", 80, origin_port)))
    return pinned(PROXY_CORE, binary, "run", "-f", f"{folder}/fairlead.yaml", "--bind", "127.0.0.1", "--status-port", str(status_port),
                  "--admin", "off", "--metrics-port", "0", "--concurrency", "1"), port


def answers(port):
    return lambda: subprocess.run(["curl", "-sko", "/dev/null", f"https://127.0.0.1:{port}/"], check=False).returncode == 0


def options_of(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--binary", default=os.path.join(ROOT, "build", "release", "fairlead"))
    return parser.parse_args()


def compare(options, peer_name, start_peer, load):
    """start_peer(folder, origin_port, chain path, key path) -> (process, port); load(port, seconds) -> requests that were answered. Prints the
    CPU time a request of both and their ratio."""
    folder = tempfile.mkdtemp(prefix="fairlead-bench.")
    certificate = Authority().issue("localhost", "*.example.com")
    chain, key = certificate.write(folder, "server")
    processes = []
    figures = {"Fairlead": [], peer_name: []}
    try:
        origin, origin_port = start_origin(folder)
        processes.append(origin)
        peers = {"Fairlead": start_fairlead(folder, options.binary, origin_port, certificate), peer_name: start_peer(folder, origin_port, chain, key)}
        processes += [process for process, _ in peers.values()]
        for name, (_, port) in peers.items():
            wait_until(answers(port), what=name)
            load(port, 1)
        for _ in range(options.rounds):
            for name, (process, port) in peers.items():
                before = cpu_seconds(process.pid)
                requests = load(port, options.seconds)
                figures[name].append(((cpu_seconds(process.pid) - before) / requests * 1e6, requests / options.seconds))
    finally:
        for process in processes:
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
    for name, values in figures.items():
        cost = [value[0] for value in values]
        print(f"{name:9} {statistics.median(cost):6.2f} us of CPU a request ({min(cost):.2f} to {max(cost):.2f}), "
              f"{statistics.median(value[1] for value in values):.0f} requests a second")
    ratios = [ours[0] / theirs[0] for ours, theirs in zip(figures["Fairlead"], figures[peer_name])]
    print(f"ratio Fairlead / {peer_name}, median of {options.rounds} rounds: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
