"""A naive gateway: what becomes of a request, by plain walks over the configuration's own objects, written from the rules that Istio's documents
and Envoy's behaviour give. It shares nothing with the program: no index, no snapshot, no compiled form. Slow and simple on purpose.

The configuration is a dict: ports {service port: target port}, gateways, virtual_services (Istio objects), services (host -> None or "up"),
certificates (credential name -> names on it). answer() gives a dict with the members that `fairlead explain --requests` gives, so far as
they matter: outcome, status, flags, location, route, destinations.
"""
import re

GATEWAY_NAMESPACE = "istio-system"
GATEWAY_LABELS = {"app": "istio-ingressgateway", "istio": "ingressgateway"}
HTTP_PROTOCOLS = ("HTTP", "HTTP2", "GRPC")
REDIRECT_CODES = (301, 302, 303, 307, 308)


def age(item):
    meta = item["metadata"]
    return meta.get("creationTimestamp", ""), meta["name"], meta["namespace"]


def title(item):
    return item["metadata"]["namespace"] + "/" + item["metadata"]["name"]


# --- Host names ---

def covers(wide, narrow):
    """Whether every name of `narrow` is one of `wide`."""
    if wide == narrow or wide == "*":
        return True
    if not wide.startswith("*"):
        return False
    return narrow.lstrip("*").endswith(wide[1:]) and len(narrow) >= len(wide) if narrow.startswith("*") else narrow.endswith(wide[1:])


def intersection(left, right):
    found = []
    for a in left:
        for b in right:
            narrow = a if covers(b, a) else b if covers(a, b) else None
            if narrow is not None and narrow not in found:
                found.append(narrow)
    return found


def best(names, host):
    """The name of a table that a host finds: itself, the longest wildcard, the star."""
    if host in names:
        return host
    wild = [name for name in names if name.startswith("*.") and host.endswith(name[1:]) and len(host) > len(name) - 1]
    if wild:
        return max(wild, key=len)
    return "*" if "*" in names else None


def certificate_is_for(names, host):
    for name in names:
        if name == host or (name.startswith("*.") and "." in host and host.split(".", 1)[1] == name[2:]):
            return True
    return False


# --- Gateways ---

class Server:
    def __init__(self, gateway, written, targets):
        self.gateway, self.written = title(gateway), written
        self.number = written["port"]["number"]
        self.port = targets.get(self.number, self.number)
        self.protocol = written["port"]["protocol"]
        self.tls = written.get("tls")
        self.mode = (self.tls or {}).get("mode", "PASSTHROUGH")
        self.hosts = []
        for host in written["hosts"]:
            if host == "*/*":
                self.hosts = ["*"]
                break
            if host.startswith("./"):
                host = gateway["metadata"]["namespace"] + host[1:]
            self.hosts.append(host[2:] if host.startswith("*/") else host)
        self.is_http = self.protocol in HTTP_PROTOCOLS
        self.ends_tls = self.protocol == "HTTPS" and self.tls is not None and self.mode == "SIMPLE"
        self.is_tls = self.tls is not None and not self.is_http
        self.table = None
        if self.is_http:
            self.table = f"http.{self.port}"
        elif self.ends_tls:
            self.table = f"https.{self.number}.{written['port']['name']}.{title(gateway)}"

    def redirects(self):
        return bool((self.tls or {}).get("httpsRedirect"))

    def hosts_for(self, namespace):
        names = [host.split("/") for host in self.hosts]
        return [parts[-1] for parts in names if len(parts) == 1 or parts[0] == namespace]

    def server_names(self):
        return sorted({host.split("/")[-1].lower() for host in self.hosts})


def accepted_servers(config):
    """(groups in order, servers by route table): mergeGateways."""
    groups, tables, taken, plain, seen = [], {}, {}, {}, set()

    def join(server, group=None):
        key = (server.port, server.protocol)
        group = group if group is not None else next((group for group in groups if group["key"] == key), None)
        if group is None:
            group = {"key": key, "servers": []}
            groups.append(group)
        group["servers"].append(server)
        return group

    def register(server):
        if server.table:
            tables.setdefault(server.table, []).append(server)

    for gateway in sorted(config["gateways"], key=age):
        selector = gateway["spec"].get("selector") or {}
        if any(GATEWAY_LABELS.get(key) != value for key, value in selector.items()):
            continue
        for written in gateway["spec"]["servers"]:
            server = Server(gateway, written, config["ports"])
            if server.tls is not None:
                held = taken.setdefault(server.port, set())
                if held & set(server.hosts):
                    continue
                held.update(server.hosts)
            if server.port not in seen:
                seen.add(server.port)
                group = join(server)
                if not server.is_tls:
                    plain[server.port] = group
                register(server)
            elif server.port in plain:
                if server.is_http and plain[server.port]["servers"][0].is_http:
                    join(server, plain[server.port])
                    register(server)
            elif not server.is_tls:
                plain[server.port] = join(server)
                register(server)
            elif not (server.ends_tls and server.table in tables):
                join(server)
                register(server)
    return groups, tables


# --- VirtualServices ---

def resolve_gateway(name, namespace):
    if name == "mesh" or "/" in name:
        return namespace + name[1:] if name.startswith("./") else name
    return f"{namespace}/{name}"


def visible_services(config):
    parts = ([], [], [])
    for service in sorted(config["virtual_services"], key=age):
        export, namespace = service["spec"].get("exportTo") or ["*"], service["metadata"]["namespace"]
        own = namespace == GATEWAY_NAMESPACE
        if "*" in export:
            parts[2].append(service)
        elif own and ("." in export or namespace in export):
            parts[0].append(service)
        elif not own and GATEWAY_NAMESPACE in export:
            parts[1].append(service)
    return parts[0] + parts[1] + parts[2]


def bound(service, server):
    names = [resolve_gateway(name, service["metadata"]["namespace"]) for name in service["spec"].get("gateways") or []]
    if server.gateway not in names:
        return []
    return intersection(server.hosts_for(service["metadata"]["namespace"]), service["spec"]["hosts"])


def names_gateway(match, service, server):
    names = match.get("gateways") or []
    return not names or server.gateway in [resolve_gateway(name, service["metadata"]["namespace"]) for name in names]


CONDITIONS = ("headers", "withoutHeaders", "queryParams", "method", "scheme", "authority")


def is_catch_all(match):
    uri = match.get("uri") or {"prefix": "/"}
    return uri in ({"prefix": "/"}, {"regex": ".*"}) and not any(match.get(key) for key in CONDITIONS)


def routes_of(service, server):
    """(route, match) in order, without what lies behind a catch-all."""
    found = []
    for route in service["spec"].get("http") or []:
        for match in route.get("match") or [{}]:
            if match.get("port") and match["port"] != server.number:
                continue
            if not names_gateway(match, service, server):
                continue
            found.append((route, match))
            if is_catch_all(match):
                return found
    return found


def virtual_hosts(config, servers):
    hosts, redirect, cache, added = {}, set(), {}, set()
    for server in servers:
        for index, service in enumerate(visible_services(config)):
            names = bound(service, server)
            if not names:
                continue
            routes = cache.setdefault((server.gateway, index), routes_of(service, server))
            for name in names if routes else ():
                name = name.lower()
                if (name, server.gateway, index) not in added:
                    hosts.setdefault(name, []).extend(routes)
                    added.add((name, server.gateway, index))
                if server.redirects():
                    redirect.add(name)
        if server.redirects():
            for name in server.hosts:
                hosts.setdefault(name.lower(), [])
                redirect.add(name.lower())
    for name, routes in hosts.items():
        hosts[name] = [item for item in routes if not is_catch_all(item[1])] + [item for item in routes if is_catch_all(item[1])]
    return hosts, redirect


# --- Matching ---

def text_holds(match, text):
    if "exact" in match:
        return text == match["exact"]
    if "prefix" in match:
        return text.startswith(match["prefix"])
    return re.fullmatch(match["regex"], text, re.DOTALL) is not None


def is_presence(match):
    return not match or match == {"regex": "*"}


def header_of(request, name):
    values = [value for key, value in request["headers"] if key.lower() == name.lower()]
    return ",".join(values) if values else None


def parameter_of(query, name):
    for part in query.split("&") if query else ():
        key, _, value = part.partition("=")
        if key == name:
            return value
    return None


def holds(match, request):
    path, _, query = request["path"].partition("?")
    uri = match.get("uri") or {"prefix": "/"}
    if "regex" in uri:
        if not text_holds(uri, path):
            return False
    else:
        fold = str.lower if match.get("ignoreUriCase") else str
        kind, value = next(iter(uri.items()))
        if not text_holds({kind: fold(value)}, fold(path)):
            return False
    for key, text in (("method", request["method"]), ("scheme", request["scheme"]), ("authority", request["authority"])):
        if match.get(key) and not text_holds(match[key], text):
            return False
    for name, wanted in (match.get("headers") or {}).items():
        value = header_of(request, name)
        if value is None or not (is_presence(wanted) or text_holds(wanted, value)):
            return False
    for name, wanted in (match.get("withoutHeaders") or {}).items():
        value = header_of(request, name)
        if (value is not None) if is_presence(wanted) else text_holds(wanted, value or ""):
            return False
    for name, wanted in (match.get("queryParams") or {}).items():
        value = parameter_of(query, name)
        if value is None or not (is_presence(wanted) or text_holds(wanted, value)):
            return False
    return True


def normal_path(path):
    """RFC 3986 section 5.2.4."""
    plain, mark, query = path.partition("?")
    parts, out = plain.split("/")[1:], []
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part == "..":
            out = out[:-1]
        if part in (".", ".."):
            out += [""] if last else []
        else:
            out.append(part)
    return "/" + "/".join(out) + mark + query


# --- Actions ---

def cluster_of(destination, server_number):
    port = destination.get("port", {}).get("number", 80)
    return f"outbound|{port}|{destination.get('subset', '')}|{destination['host']}"


def destinations_of(route):
    items = route["route"]
    return items if len(items) == 1 else [item for item in items if item.get("weight", 0) > 0]


def location_of(route, match, request):
    redirect, (path, mark, query) = route["redirect"], request["path"].partition("?")
    came_by = request["scheme"]
    scheme = redirect.get("scheme", came_by)
    authority = redirect.get("authority")
    if authority is None:
        authority = request["authority"]
        host, colon, port = authority.partition(":")
        if colon and (redirect.get("port") or (scheme != came_by and port == ("443" if came_by == "https" else "80"))):
            authority = host
    port = redirect.get("port", 0)
    default = (scheme == "http" and port == 80) or (scheme == "https" and port == 443)
    text = f"{scheme}://{authority}" + (f":{port}" if port and not default else "")
    if "uri" in redirect:
        path = redirect["uri"]
    return text + path + mark + query


def act(config, route, match, request):
    if "redirect" in route:
        return {"outcome": "answer", "status": route["redirect"].get("redirectCode", 301), "flags": "-",
                "location": location_of(route, match, request)}
    if "directResponse" in route:
        return {"outcome": "answer", "status": route["directResponse"]["status"], "flags": "-"}
    items = destinations_of(route)
    state = config["services"].get(items[0]["destination"]["host"], "gone")
    if state == "gone":
        return {"outcome": "answer", "status": 503, "flags": "NC"}
    if state == "empty":
        return {"outcome": "answer", "status": 503, "flags": "UH"}
    return {"outcome": "forward", "flags": "-", "destinations": sorted(cluster_of(item["destination"], 0) for item in items)}


# --- Filter chains ---

def tls_routes(config, server):
    """(sniHosts, destinations) of a server that passes TLS through, in order."""
    for service in visible_services(config):
        if not bound(service, server):
            continue
        for route in service["spec"].get("tls") or []:
            for match in route["match"]:
                if match.get("port") in (None, 0, server.number) and names_gateway(match, service, server):
                    yield match["sniHosts"], route["route"]


class Chain:
    def __init__(self, kind, names, server=None, routes=None):
        self.kind, self.names, self.server, self.routes = kind, names, server, routes


def chains_of(config, port):
    """name ("*" is the catch-all) -> chain, the first wins; None: nothing listens."""
    groups, _ = accepted_servers(config)
    table, passed, any_chain = {}, set(), False

    def take(chain):
        names = ["*"] if not chain.names or "*" in chain.names else [name.lower() for name in chain.names]
        free = [name for name in names if name not in table]
        for name in free:
            table[name] = chain
        return bool(free)

    for group in groups:
        if group["key"][0] != port:
            continue
        if group["servers"][0].is_http:
            any_chain |= take(Chain("http", [], group["servers"][0]))
            continue
        for server in group["servers"]:
            if server.ends_tls:
                any_chain |= take(Chain("https", server.server_names(), server))
                continue
            for names, routes in tls_routes(config, server):
                if passed & set(names):
                    continue
                passed.update(names)
                any_chain |= take(Chain("passthrough", names, server, routes))
    return table if any_chain else None


# --- The whole ---

def closed(flags="-"):
    return {"outcome": "closed", "flags": flags}


def route_http(config, table, request):
    """None: no virtual host has the name."""
    _, tables = accepted_servers(config)
    hosts, redirect = virtual_hosts(config, tables.get(table, []))
    name = best(hosts, request["host"])
    if name is None:
        return None
    if name in redirect and request["scheme"] != "https":
        return {"outcome": "answer", "status": 301, "flags": "-", "location": "https://" + request["authority"] + request["path"]}
    for route, match in hosts[name]:
        if holds(match, request):
            label = route.get("name", "") + ("." + match["name"] if match.get("name") else "")
            return dict(act(config, route, match, request), route=label)
    return {"outcome": "answer", "status": 404, "flags": "NR"}


def refusal(request):
    """What is answered before any route is looked at."""
    if request["method"] == "CONNECT":
        return {"outcome": "answer", "status": 403, "flags": "-"}
    return {"outcome": "answer", "status": 400, "flags": "DPE"} if "%00" in request["path"] else None


def answer_http(config, chains, chain, request):
    if refusal(request):
        return refusal(request)
    names = config["certificates"].get((chain.server.tls or {}).get("credentialName"))
    found = route_http(config, chain.server.table, request)
    if found is not None or chain.kind == "http":
        return found or {"outcome": "answer", "status": 404, "flags": "NR"}
    owner = chains.get(best(chains, request["host"]) or "")
    if owner is None or owner is chain:
        return {"outcome": "answer", "status": 404, "flags": "NR"}
    shown_is_for_it = owner.kind == "https" and certificate_is_for(names, request["host"])
    if not shown_is_for_it or config["certificates"].get(owner.server.tls["credentialName"]) is None:
        return {"outcome": "answer", "status": 421, "flags": "NR"}
    return route_http(config, owner.server.table, request) or {"outcome": "answer", "status": 404, "flags": "NR"}


def answer(config, request):
    """request: scheme, port, authority, path, method, headers [(name, value)], sni (of TLS; default the host)."""
    host = request["authority"].rsplit(":", 1)[0].lower()
    request = dict(request, host=host, path=normal_path(request["path"]))
    chains = chains_of(config, config["ports"].get(request["port"], request["port"]))
    if chains is None:
        return {"outcome": "refused", "flags": "-"}
    tls = request["scheme"] == "https"
    inspects = any(name != "*" or chain.kind == "https" for name, chain in chains.items())
    name = best(chains, request.get("sni", host).lower() if tls and inspects else "")
    if name is None:
        return closed("NR")
    chain = chains[name]
    if chain.kind == "passthrough":
        items = chain.routes if len(chain.routes) == 1 else [item for item in chain.routes if item.get("weight", 0) > 0]
        if config["services"].get(items[0]["destination"]["host"], "gone") == "gone":
            return closed("NC")
        return {"outcome": "tunnel", "flags": "-", "destinations": sorted(cluster_of(item["destination"], 0) for item in items)}
    if chain.kind == "http":
        return closed("DPE") if tls else answer_http(config, chains, chain, request)
    if not tls or config["certificates"].get(chain.server.tls["credentialName"]) is None:
        return closed("-")
    return answer_http(config, chains, chain, request)
