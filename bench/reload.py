"""How long a change of a file takes to answer: one route of many is changed, the gateway told in its own way, and a client asks until the new
answer comes. No request may fail on the way."""
import json
import os
import signal
import time

import clients
import measure
import peers
from loads import Failed

CHANGES = 5


def host(number):
    return f"host-{number}.example.com"


class Fairlead:
    def __init__(self, name, setup, count):
        self.name, self.setup, self.count = name, setup, count

    def change(self, number, text):
        service = peers.istio.virtual_service(f"route-{number}", [host(number)],
                                              http=[{"directResponse": {"status": 200, "body": {"string": text}}}])
        path = self.setup.write(f"new-{number}", json.dumps(service, indent=1))
        os.rename(path, self.setup.path(f"config/route-{number}.yaml"))

    def command(self, binaries):
        os.makedirs(self.setup.path("config"))
        self.setup.write("config/base.yaml", peers.istio.listing(
            peers.istio.operator([("http", 80, self.setup.plain)], {"accessLogFile": ""}),
            peers.istio.gateway(peers.istio.server(80, "HTTP", ["*"]))))
        for number in range(self.count):
            self.change(number, "old")
        return [binaries[self.name], "run", "-f", self.setup.path("config"), "--bind", "127.0.0.1", "--status-port", str(self.setup.status),
                "--admin", "unix:" + self.setup.path("admin"), "--metrics-port", "0",
                "--concurrency", "1"]

    def tell(self, process):
        """It watches."""


class Nginx(Fairlead):
    def change(self, number, text):
        path = self.setup.write(f"new-{number}", f'server {{ listen 127.0.0.1:{self.setup.plain}; server_name {host(number)}; location / {{ return 200 "{text}"; }} }}\n')
        os.rename(path, self.setup.path(f"config/route-{number}.conf"))

    def command(self, binaries):
        os.makedirs(self.setup.path("config"))
        for number in range(self.count):
            self.change(number, "old")
        folder = self.setup.folder
        path = self.setup.write("nginx.conf", f"""daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; server_names_hash_max_size 32768; server_names_hash_bucket_size 128; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; include {folder}/config/*.conf; }}
""")
        return ["/usr/sbin/nginx", "-p", folder, "-e", f"{folder}/error.log", "-c", path]

    def tell(self, process):
        process.send_signal(signal.SIGHUP)


class Haproxy(Fairlead):
    def change(self, number, text):
        self.answers[number] = text
        answers = "".join(f'  http-request return status 200 content-type text/plain string {text} if {{ var(txn.host) -m str {host(n)} }}\n'
                          for n, text in enumerate(self.answers))
        path = self.setup.write("new", f"""global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend plain
  bind 127.0.0.1:{self.setup.plain}
  http-request set-var(txn.host) req.hdr(host)
{answers}""")
        os.rename(path, self.setup.path("haproxy.cfg"))

    def command(self, binaries):
        self.answers = ["old"] * self.count
        self.change(0, "old")
        return ["/usr/sbin/haproxy", "-W", "-db", "-f", self.setup.path("haproxy.cfg")]

    def tell(self, process):
        process.send_signal(signal.SIGUSR2)


class Envoy(Fairlead):
    def change(self, number, text):
        self.answers[number] = text
        virtual_hosts = [{"name": host(n), "domains": [host(n)], "routes": [
            {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": text}}}]} for n, text in enumerate(self.answers)]
        path = self.setup.write("new", json.dumps({"resources": [
            {"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "routes", "virtual_hosts": virtual_hosts}]}))
        os.rename(path, self.setup.path("routes.json"))

    def command(self, binaries):
        self.answers = ["old"] * self.count
        self.change(0, "old")
        http = peers.envoy_http(self.setup)
        http["typed_config"].pop("route_config")
        http["typed_config"]["rds"] = {"route_config_name": "routes", "config_source": {"path_config_source": {"path": self.setup.path("routes.json")}}}
        path = self.setup.write("envoy.json", json.dumps({"node": {"id": "bench", "cluster": "bench"}, "static_resources": {"listeners": [
            {"name": "plain", "address": {"socket_address": {"address": "127.0.0.1", "port_value": self.setup.plain}}, "filter_chains": [{"filters": [http]}]}]}}))
        return [binaries["envoy"], "-c", path, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]


KINDS = {"fairlead": Fairlead, "before": Fairlead, "nginx": Nginx, "haproxy": Haproxy, "envoy": Envoy}


def reload(count):
    """Milliseconds from the write to the first new answer, median of a few changes; CPU seconds of a change beside it."""
    def run(bench, name):
        with bench.folder() as folder:
            setup = bench.setup(folder)
            subject = KINDS[name](name, setup, count)
            with bench.process(name, setup, subject.command(bench.binaries)) as peer:
                last = count - 1
                while clients.body(setup.plain, host(last)) != "old":
                    if peer.process.poll() is not None or time.monotonic() - peer.started > 120:
                        raise Failed(f"{name} did not come up with {count} routes")
                    time.sleep(0.005)
                taken, cpu = [], []
                for change in range(CHANGES):
                    before, text = measure.cpu_seconds(peer.pid), f"new-{change}"
                    subject.change(last - change, text)
                    start = time.monotonic()
                    subject.tell(peer.process)
                    while True:
                        answer = clients.body(setup.plain, host(last - change))
                        if answer == text:
                            break
                        if answer != "old" or time.monotonic() - start > 60:
                            raise Failed(f"{name}: {answer!r} during a reload with {count} routes")
                    taken.append(time.monotonic() - start)
                    cpu.append(measure.cpu_seconds(peer.pid) - before)
                return {"cost": measure.quantile(taken, 0.5) * 1e3, "cpu_s": measure.quantile(cpu, 0.5)}
    return run


LOADS = {
    "reload-10": ("reload", "ms until the new answer", reload(10), "one route of 10 changed"),
    "reload-5000": ("reload", "ms until the new answer", reload(5000), "one route of 5,000 changed"),
}
