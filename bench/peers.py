"""The proxies that are compared, each configured to do the same: one worker; TLS 1.3 with an ECDSA P-256 certificate, HTTP/2 and HTTP/1.1; plain
HTTP; passthrough by server name; connections to the origin kept alive; x-forwarded-for set; access log off, or a JSON line a request.

A peer is a function (setup) -> command; a peer that cannot do a thing leaves its port out of setup.ports."""
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "tests"))

from support import configuration as istio  # noqa: E402

HOST = "localhost"
PASSTHROUGH_HOST = "pass.example.com"


class Setup:
    """What one proxy gets: a folder of its own, the origin, its ports, whether to log, and the certificates."""

    def __init__(self, folder, origin, ports, certificate, log, hosts=()):
        self.folder, self.origin, self.certificate, self.log = folder, origin, certificate, log
        self.tls, self.plain, self.passthrough, self.status = ports
        self.hosts = hosts  # (name, certificate): instead of the one certificate
        self.chain, self.key = certificate.write(folder, "server")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def pem(self, name, certificate):
        """Chain and key in one file."""
        return self.write(name, (certificate.certificate_pem + certificate.key_pem).decode())


def fairlead_host(name, certificate):
    """The objects of one host with its own Secret, as their owner would write them."""
    secret = "cert-" + name.replace(".", "-")
    return istio.listing(
        certificate.secret(secret),
        istio.gateway(istio.server(443, "HTTPS", [name], {"mode": "SIMPLE", "credentialName": secret}, name="https-" + name), name=secret),
        istio.virtual_service(secret, [name], http=[{"route": [istio.destination("origin.example", 80)]}], gateways=(secret,)))


def fairlead(setup, binary):
    mesh = {"accessLogFile": "/dev/stdout" if setup.log else ""}
    objects = [istio.operator([("https", 443, setup.tls), ("http", 80, setup.plain), ("tls", 10443, setup.passthrough)], mesh),
               istio.service_entry("origin.example", 80, setup.origin.port)]
    if not setup.hosts:
        objects += [
            setup.certificate.secret("cert"),
            istio.gateway(istio.server(443, "HTTPS", ["*"], {"mode": "SIMPLE", "credentialName": "cert"}), istio.server(80, "HTTP", ["*"]),
                          istio.server(10443, "TLS", [PASSTHROUGH_HOST], {"mode": "PASSTHROUGH"})),
            istio.virtual_service("all", ["*"], http=[{"route": [istio.destination("origin.example", 80)]}]),
            istio.virtual_service("pass", [PASSTHROUGH_HOST], tls=[{"match": [{"port": 10443, "sniHosts": [PASSTHROUGH_HOST]}],
                                                                     "route": [istio.destination("origin-tls.example", 443)]}]),
            istio.service_entry("origin-tls.example", 443, setup.origin.tls_port, protocol="TLS")]
    configuration = setup.path("config")
    os.makedirs(configuration, exist_ok=True)
    setup.write("config/base.yaml", istio.listing(*objects))
    for name, certificate in setup.hosts:
        setup.write(f"config/{name}.yaml", fairlead_host(name, certificate))
    return [binary, "run", "-f", configuration, "--bind", "127.0.0.1", "--status-port", str(setup.status), "--admin",
            "unix:" + setup.path("admin"), "--metrics-port", "0", "--concurrency", "1"]


def haproxy(setup):
    if setup.hosts:
        os.makedirs(setup.path("certificates"), exist_ok=True)
        for name, certificate in setup.hosts:
            setup.pem(f"certificates/{name}.pem", certificate)
        certificates = setup.path("certificates")
    else:
        certificates = setup.pem("both.pem", setup.certificate)
    log = ""
    if setup.log:
        log = ('  log stdout len 4096 format raw local0\n  log-format \'{"start":"%[date]","method":"%HM","path":"%HU","status":%ST,"bytes":%B,"duration":%Ta,'
               '"client":"%ci:%cp","server":"%si:%sp","flags":"%ts","agent":"%[capture.req.hdr(0)]","authority":"%[capture.req.hdr(1)]"}\'\n'
               "  capture request header user-agent len 64\n  capture request header host len 64\n")
    path = setup.write("haproxy.cfg", f"""global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  http-reuse always
frontend tls
  bind 127.0.0.1:{setup.tls} backlog 4096 ssl crt {certificates} ssl-min-ver TLSv1.3 alpn h2,http/1.1
  option forwardfor
{log}  default_backend origin
frontend plain
  bind 127.0.0.1:{setup.plain} backlog 4096
  option forwardfor
{log}  default_backend origin
backend origin
  server origin 127.0.0.1:{setup.origin.port} pool-max-conn -1
frontend passthrough
  mode tcp
  bind 127.0.0.1:{setup.passthrough} backlog 4096
  tcp-request inspect-delay 5s
  tcp-request content accept if {{ req_ssl_hello_type 1 }}
  use_backend origin_tls if {{ req_ssl_sni -i {PASSTHROUGH_HOST} }}
backend origin_tls
  mode tcp
  server origin 127.0.0.1:{setup.origin.tls_port}
""")
    return ["/usr/sbin/haproxy", "-db", "-f", path]


def nginx_server(setup, name, chain, key):
    return f"""  server {{
    listen 127.0.0.1:{setup.tls} ssl http2 backlog=4096;
    server_name {name}; ssl_certificate {chain}; ssl_certificate_key {key};
    location / {{ proxy_pass http://origin; }}
  }}
"""


def nginx(setup):
    servers = ""
    if setup.hosts:
        os.makedirs(setup.path("certificates"), exist_ok=True)
        for name, certificate in setup.hosts:
            pem = setup.pem(f"certificates/{name}.pem", certificate)
            servers += nginx_server(setup, name, pem, pem).replace(" backlog=4096", "")
    else:
        servers = nginx_server(setup, "_", setup.chain, setup.key)
    log = "access_log off;"
    if setup.log:
        log = ('log_format json escape=json \'{"start":"$time_iso8601","method":"$request_method","path":"$request_uri","status":$status,'
               '"bytes":$bytes_sent,"duration":$request_time,"client":"$remote_addr:$remote_port","server":"$upstream_addr","agent":"$http_user_agent",'
               '"authority":"$host"}\';\n  access_log /dev/stdout json;')
    path = setup.write("nginx.conf", f"""load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; worker_processes 1; pid {setup.folder}/nginx.pid; error_log {setup.folder}/error.log;
events {{ worker_connections 9000; }}
http {{
  {log}
  keepalive_requests 100000000; keepalive_timeout 600s; client_max_body_size 0; server_names_hash_max_size 32768; server_names_hash_bucket_size 128;
  ssl_protocols TLSv1.3; ssl_session_cache off; ssl_session_tickets on; http2_max_concurrent_streams 128;
  client_body_temp_path {setup.folder}/body; proxy_temp_path {setup.folder}/proxy; fastcgi_temp_path {setup.folder}/f; uwsgi_temp_path {setup.folder}/u; scgi_temp_path {setup.folder}/s;
  upstream origin {{ server 127.0.0.1:{setup.origin.port}; keepalive 1024; keepalive_requests 100000000; keepalive_timeout 600s; }}
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
  proxy_request_buffering off; proxy_max_temp_file_size 0;
{servers}  server {{
    listen 127.0.0.1:{setup.plain} backlog=4096;
    location / {{ proxy_pass http://origin; }}
  }}
}}
stream {{
  map $ssl_preread_server_name $target {{ {PASSTHROUGH_HOST} 127.0.0.1:{setup.origin.tls_port}; }}
  server {{ listen 127.0.0.1:{setup.passthrough} backlog=4096; ssl_preread on; proxy_pass $target; proxy_timeout 600s; }}
}}
""")
    return ["/usr/sbin/nginx", "-p", setup.folder, "-e", f"{setup.folder}/error.log", "-c", path]


def nghttpx(setup):
    log = ["--accesslog-file=/dev/stdout"] if setup.log else []
    return ["/usr/sbin/nghttpx", "--conf=/dev/null", "--single-process", "--workers=1", f"--frontend=127.0.0.1,{setup.tls}",
            f"--frontend=127.0.0.1,{setup.plain};no-tls", f"--backend=127.0.0.1,{setup.origin.port}", "--tls-min-proto-version=TLSv1.3",
            "--add-x-forwarded-for", "--backend-connections-per-host=1024", f"--errorlog-file={setup.folder}/nghttpx.log", "--worker-frontend-connections=8000",
            "--frontend-keep-alive-timeout=600", "--backend-keep-alive-timeout=600", *log, setup.key, setup.chain]


def h2o(setup):
    log = 'access-log: {path: /dev/stdout, format: "{\\"start\\":\\"%t\\",\\"request\\":\\"%r\\",\\"status\\":%s,\\"bytes\\":%b,\\"client\\":\\"%h\\",\\"agent\\":\\"%{User-agent}i\\"}"}' if setup.log else ""
    path = setup.write("h2o.yaml", f"""user: root
num-threads: 1
max-connections: 8000
num-name-resolution-threads: 1
pid-file: {setup.folder}/h2o.pid
error-log: {setup.folder}/h2o.log
listen: {{port: {setup.tls}, host: 127.0.0.1, ssl: {{certificate-file: {setup.chain}, key-file: {setup.key}, minimum-version: TLSv1.3}}}}
listen: {{port: {setup.plain}, host: 127.0.0.1}}
http1-request-timeout: 600
http2-idle-timeout: 600
proxy.timeout.keepalive: 600000
proxy.preserve-host: ON
{log}
hosts:
  default:
    paths:
      /:
        proxy.reverse.url: "http://127.0.0.1:{setup.origin.port}/"
""")
    return ["/usr/bin/h2o", "-c", path]


def envoy_cluster(name, port):
    return {"name": name, "type": "STATIC", "connect_timeout": "5s",
            "circuit_breakers": {"thresholds": [{"max_connections": 100000, "max_pending_requests": 100000, "max_requests": 100000}]},
            "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [
                {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}}]}]}}


def envoy_log(setup):
    if not setup.log:
        return []
    form = {"start": "%START_TIME%", "method": "%REQ(:METHOD)%", "path": "%REQ(:PATH)%", "status": "%RESPONSE_CODE%", "bytes": "%BYTES_SENT%",
            "duration": "%DURATION%", "client": "%DOWNSTREAM_REMOTE_ADDRESS%", "server": "%UPSTREAM_HOST%", "flags": "%RESPONSE_FLAGS%",
            "agent": "%REQ(USER-AGENT)%", "authority": "%REQ(:AUTHORITY)%"}
    return [{"name": "log", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
                                             "log_format": {"json_format": form}}}]


def envoy_http(setup):
    return {"name": "http", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "http", "use_remote_address": True, "access_log": envoy_log(setup),
        "http_filters": [{"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "origin", "timeout": "0s"}}]}]}}}


def envoy_tls(chain, key):
    return {"name": "tls", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": {"alpn_protocols": ["h2", "http/1.1"], "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
                               "tls_certificates": [{"certificate_chain": {"filename": chain}, "private_key": {"filename": key}}]}}}


def envoy(setup, binary):
    def listener(name, port, chains, sniffs=False):
        value = {"name": name, "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}, "filter_chains": chains, "tcp_backlog_size": 4096}
        if sniffs:
            value["listener_filters"] = [{"name": "sniff", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"}}]
        return value
    http = [envoy_http(setup)]
    chains = [{"filters": http, "transport_socket": envoy_tls(setup.chain, setup.key)}]
    if setup.hosts:
        chains = []
        for name, certificate in setup.hosts:
            pem = setup.pem(f"{name}.pem", certificate)
            chains.append({"name": name, "filter_chain_match": {"server_names": [name]}, "filters": http, "transport_socket": envoy_tls(pem, pem)})
    passthrough = [{"filter_chain_match": {"server_names": [PASSTHROUGH_HOST]}, "filters": [{"name": "tcp", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", "stat_prefix": "tcp", "cluster": "origin_tls"}}]}]
    path = setup.write("envoy.json", json.dumps({"static_resources": {
        "listeners": [listener("tls", setup.tls, chains, bool(setup.hosts)), listener("plain", setup.plain, [{"filters": http}]),
                      listener("passthrough", setup.passthrough, passthrough, True)],
        "clusters": [envoy_cluster("origin", setup.origin.port), envoy_cluster("origin_tls", setup.origin.tls_port)]}}))
    return [binary, "-c", path, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]


# Which kinds of load a peer can take part in. "before" is another build of Fairlead, for the effect of a change.
ALL = {"http", "http2", "passthrough", "certificates"}
PEERS = {"fairlead": ALL, "before": ALL, "haproxy": ALL, "nginx": ALL, "nghttpx": {"http", "http2"}, "h2o": {"http", "http2"}, "envoy": ALL}


def command_of(name, setup, binaries):
    """`binaries` says where the programs are that are not Debian's."""
    function = {"fairlead": fairlead, "before": fairlead, "haproxy": haproxy, "nginx": nginx, "nghttpx": nghttpx, "h2o": h2o, "envoy": envoy}[name]
    return function(setup, binaries[name]) if name in binaries else function(setup)
