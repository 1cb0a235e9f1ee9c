"""The origin behind every proxy: nginx on the load generator's core, plaintext and TLS."""
import os

import measure

MIB = 1 << 20
BODY = "hello world\n"


class Origin:
    def __init__(self, folder, ports, chain, key):
        self.port, self.tls_port = ports
        for name, size in (("1m", MIB), ("100m", 100 * MIB)):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(os.urandom(MIB) * (size // MIB))
        configuration = os.path.join(folder, "origin.conf")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(f"""daemon off; worker_processes 1; pid {folder}/origin.pid; error_log {folder}/origin.log;
events {{ worker_connections 9000; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; keepalive_timeout 600s; client_max_body_size 0;
  open_file_cache max=10;
  server {{
    listen 127.0.0.1:{self.port} backlog=4096;
    listen 127.0.0.1:{self.tls_port} ssl backlog=4096;
    ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.3;
    root {folder};
    location / {{ return 200 "{BODY.strip()}\\n"; }}
    location = /1m {{ }}
    location = /100m {{ }}
  }}
}}
""")
        self.process = measure.pinned(measure.LOAD_CORE, "/usr/sbin/nginx", "-p", folder, "-e", f"{folder}/origin.log", "-c", configuration)

    def stop(self):
        measure.end(self.process)
