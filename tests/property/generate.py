"""Random configurations and requests, from small sets of names and values, so that much of what is asked for meets much of what is configured."""
import datetime

from . import naive

HOSTS = ["a.test", "b.test", "x.a.test", "y.a.test", "z.y.a.test", "*.a.test", "*.y.a.test", "*.b.test", "*"]
ASKED = ["a.test", "b.test", "x.a.test", "y.a.test", "z.y.a.test", "q.a.test", "q.y.a.test", "q.b.test", "nobody.example.com"]
NAMESPACES = ["istio-config", "shop", "istio-system"]
PATHS = ["/", "/a", "/a/b", "/ab", "/A/b", "/b", "/b/c", "/v1", "/v12", "/v1/x", "/a/../b", "/b/./c", "/a%00b"]
QUERIES = ["", "", "", "?q=1", "?q=2&q=1", "?q", "?x=1&q=1"]
URIS = [{"prefix": "/"}, {"prefix": "/a"}, {"prefix": "/a/b"}, {"prefix": "/b"}, {"prefix": "/v1"}, {"exact": "/a"}, {"exact": "/b/c"}, {"exact": "/A/b"},
        {"regex": "/v[0-9]+"}, {"regex": "/a/.*"}, {"regex": ".*"}, {"regex": "/(a|b)/[a-c]"}]
VALUES = [{"exact": "1"}, {"prefix": "1"}, {"regex": "[12]+"}, {}, {"exact": "1,2"}]
CERTIFICATES = {"cert-a": ["a.test", "*.a.test"], "cert-b": ["b.test", "*.b.test"], "cert-all": ["a.test", "b.test", "*.a.test", "*.b.test", "*.y.a.test"],
                "cert-missing": None}
SERVICES = {"one.internal": "up", "two.internal": "up", "three.internal": "up", "empty.internal": "empty"}
DAY = datetime.datetime(2024, 1, 1)


def meta(draw, kind, name, namespace):
    item = {"name": name, "namespace": namespace}
    if draw.random() < 0.7:
        item["creationTimestamp"] = (DAY + datetime.timedelta(days=draw.randrange(3))).strftime("%Y-%m-%dT00:00:00Z")
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": item}


def some(draw, items, most):
    return draw.sample(items, draw.randint(1, most))


def apart(draw, most):
    """Hosts of which none covers another, as a VirtualService must have them."""
    hosts = []
    for host in some(draw, HOSTS, most):
        if not any(naive.covers(host, other) or naive.covers(other, host) for other in hosts):
            hosts.append(host)
    return hosts


def server_hosts(draw):
    return [draw.choice(["", "", "", "", "./", "*/", "shop/"]) + host for host in some(draw, HOSTS, 2)]


def server(draw, index):
    kind = draw.choice(["http", "http", "https", "https", "https", "pass", "pass", "redirect", "mixed"])
    hosts = server_hosts(draw)
    if kind in ("http", "redirect"):
        value = {"port": {"number": draw.choice([80, 80, 80, 8081]), "protocol": "HTTP", "name": f"http-{index}"}, "hosts": hosts}
        if kind == "redirect":
            value["tls"] = {"httpsRedirect": True}
        return value
    number = draw.choice([443, 443, 443, 10443])
    if kind == "mixed":
        return {"port": {"number": number, "protocol": "HTTP", "name": f"http-{index}"}, "hosts": hosts}
    if kind == "pass":
        return {"port": {"number": number, "protocol": draw.choice(["TLS", "HTTPS"]), "name": f"tls-{index}"}, "hosts": hosts, "tls": {"mode": "PASSTHROUGH"}}
    credential = draw.choice(["cert-a", "cert-b", "cert-all", "cert-all", "cert-all", "cert-missing"])
    return {"port": {"number": number, "protocol": "HTTPS", "name": f"https-{index}"}, "hosts": hosts, "tls": {"mode": "SIMPLE", "credentialName": credential}}


def gateway(draw, index):
    item = meta(draw, "Gateway", f"gateway-{index}", draw.choice(NAMESPACES[:2]))
    item["spec"] = {"selector": draw.choice([{"istio": "ingressgateway"}] * 6 + [{"istio": "other"}]),
                    "servers": [server(draw, number) for number in range(draw.randint(1, 3))]}
    return item


def named_values(draw, names):
    return {name: draw.choice(VALUES) for name in some(draw, names, min(2, len(names)))}


def http_match(draw, label, gateways):
    match = {"name": label}
    if draw.random() < 0.85:
        match["uri"] = draw.choice(URIS)
        if draw.random() < 0.15:
            match["ignoreUriCase"] = True
    for key, chance, make in (("headers", 0.2, lambda: named_values(draw, ["x-1", "x-2"])), ("withoutHeaders", 0.1, lambda: named_values(draw, ["x-1", "x-2"])),
                              ("queryParams", 0.12, lambda: named_values(draw, ["q"])), ("method", 0.1, lambda: draw.choice([{"exact": "GET"}, {"regex": "GET|POST"}])),
                              ("scheme", 0.05, lambda: {"exact": draw.choice(["http", "https"])}), ("authority", 0.05, lambda: {"prefix": "x."}),
                              ("port", 0.08, lambda: draw.choice([80, 443, 10443])), ("gateways", 0.06, lambda: [draw.choice(gateways)])):
        if draw.random() < chance:
            match[key] = make()
    return match


def destination(draw):
    return {"destination": {"host": draw.choice(list(SERVICES) + ["one.internal", "two.internal", "gone.internal"]), "port": {"number": 80}}}


def http_action(draw):
    kind = draw.choice(["route", "route", "route", "weights", "redirect", "direct"])
    if kind == "direct":
        return {"directResponse": {"status": draw.choice([200, 204, 403, 410])}}
    if kind == "redirect":
        value = {"redirectCode": draw.choice([301, 302, 307])}
        for key, choices in (("uri", ["/new"]), ("authority", ["other.test"]), ("scheme", ["https", "http"])):
            if draw.random() < 0.4:
                value[key] = draw.choice(choices)
        if len(value) == 1:
            value["uri"] = "/moved"
        return {"redirect": value}
    if kind == "weights":
        first, second = draw.sample(["one.internal", "two.internal", "three.internal"], 2)
        weights = draw.choice([(100, 0), (50, 50), (0, 100)])
        return {"route": [{"destination": {"host": host, "port": {"number": 80}}, "weight": weight} for host, weight in zip((first, second), weights)]}
    value = {"route": [destination(draw)]}
    if draw.random() < 0.2:
        value["rewrite"] = {"uri": "/rewritten"}
    return value


def gateway_names(draw, gateways, namespace):
    names = []
    for item in some(draw, gateways, min(2, len(gateways))):
        own = item["metadata"]["namespace"] == namespace
        full = item["metadata"]["namespace"] + "/" + item["metadata"]["name"]
        # At times as people forget it: without the namespace.
        names.append(item["metadata"]["name"] if (own and draw.random() < 0.5) or draw.random() < 0.05 else full)
    return names


def under(host):
    return [host] if not host.startswith("*") else [host] + [name for name in HOSTS + ASKED if name.endswith(host[1:]) and name != host and name != "*"]


def virtual_service(draw, index, gateways):
    item = meta(draw, "VirtualService", f"service-{index}", draw.choice(NAMESPACES))
    namespace = item["metadata"]["namespace"]
    spec = {"hosts": apart(draw, 2), "gateways": gateway_names(draw, gateways, namespace)}
    if "*" not in spec["hosts"] and draw.random() < 0.1:
        spec["gateways"].append("mesh")
    if draw.random() < 0.12:
        spec["exportTo"] = [draw.choice([".", "*", "istio-system", "elsewhere"])]
    if draw.random() < 0.85:
        names = [name for name in spec["gateways"] if name != "mesh"]
        spec["http"] = []
        for number in range(draw.randint(1, 4)):
            route = dict(http_action(draw), name=f"s{index}r{number}", headers={"response": {"set": {"x-route": f"s{index}r{number}"}}})
            if draw.random() < 0.8:
                route["match"] = [http_match(draw, f"m{place}", names) for place in range(draw.randint(1, 2))]
            spec["http"].append(route)
    if "http" not in spec or draw.random() < 0.3:
        spec["tls"] = []
        for _ in range(draw.randint(1, 2)):
            names = [draw.choice(under(host)) for host in some(draw, spec["hosts"], len(spec["hosts"]))]
            match = {"sniHosts": sorted(set(names))}
            if draw.random() < 0.3:
                match["port"] = draw.choice([443, 10443])
            spec["tls"].append({"match": [match], "route": [{"destination": {"host": draw.choice(["pass.internal"] * 5 + ["gone.internal"]), "port": {"number": 443}}}]})
    item["spec"] = spec
    return item


def configuration(draw, ports):
    gateways = [gateway(draw, index) for index in range(draw.randint(1, 3))]
    return {"ports": ports, "gateways": gateways,
            "virtual_services": [virtual_service(draw, index, gateways) for index in range(draw.randint(1, 5))],
            "services": dict(SERVICES, **{"pass.internal": "up"}), "certificates": CERTIFICATES}


def changed(draw, config):
    """Another configuration that has most in common with this one."""
    gateways, services = list(config["gateways"]), list(config["virtual_services"])
    fresh_number = 10
    for _ in range(draw.randint(0, 2)):
        kind = draw.choice(["drop", "swap", "gateway", "replace", "routes"])
        index = draw.randrange(len(services))
        if kind == "drop" and len(services) > 1:
            services.pop(index)
        elif kind == "gateway":
            place = draw.randrange(len(gateways))
            fresh = gateway(draw, place)
            fresh["metadata"] = dict(gateways[place]["metadata"])
            gateways[place] = fresh
        elif kind == "replace":
            services[index] = virtual_service(draw, fresh_number, gateways)
            fresh_number += 1
        elif kind == "routes" and services[index]["spec"].get("http"):
            routes = list(services[index]["spec"]["http"])
            draw.shuffle(routes)
            services[index] = dict(services[index], spec=dict(services[index]["spec"], http=routes))
        else:
            draw.shuffle(services)
    return dict(config, gateways=gateways, virtual_services=services)


def mixed_case(draw, host):
    return "".join(letter.upper() if draw.random() < 0.5 else letter for letter in host)


def likely_host(draw, config):
    """A host that some server and some VirtualService have, if there is one."""
    hosts = [host.split("/")[-1] for item in config["gateways"] for written in item["spec"]["servers"] for host in written["hosts"]]
    hosts = naive.intersection(hosts, [host for item in config["virtual_services"] for host in item["spec"]["hosts"]]) or hosts
    return draw.choice([name for name in under(draw.choice(hosts)) if "*" not in name] or ASKED)


def likely_port(draw, config):
    written = draw.choice([written for item in config["gateways"] for written in item["spec"]["servers"]])
    return "http" if written["port"]["protocol"] == "HTTP" else "https", written["port"]["number"]


ENTRANCES = [("http", 80), ("http", 8081), ("https", 443), ("https", 10443), ("http", 443), ("https", 80)]


def request(draw, config):
    scheme, port = likely_port(draw, config) if draw.random() < 0.8 else draw.choice(ENTRANCES)
    authority = likely_host(draw, config) if draw.random() < 0.8 else draw.choice(ASKED)
    if draw.random() < 0.1:
        authority = mixed_case(draw, authority)
    if draw.random() < 0.1:
        authority += f":{port}"
    value = {"scheme": scheme, "port": port, "authority": authority, "path": draw.choice(PATHS) + draw.choice(QUERIES),
             "method": draw.choice(["GET", "GET", "GET", "POST", "DELETE"]), "headers": []}
    for name in ("x-1", "x-2"):
        if draw.random() < 0.35:
            value["headers"].append((name, draw.choice(["1", "2", "12", "3"])))
            if draw.random() < 0.15:
                value["headers"].append((name, "2"))
    if draw.random() < 0.03:
        value["method"] = "CONNECT"
    if scheme == "https" and draw.random() < 0.25:
        value["sni"] = likely_host(draw, config) if draw.random() < 0.7 else draw.choice(ASKED)
    return value


def as_json(value):
    """As `fairlead explain --requests` reads it."""
    line = {"url": f"{value['scheme']}://{value['authority']}{value['path']}", "port": value["port"], "method": value["method"],
            "headers": [f"{name}: {text}" for name, text in value["headers"]]}
    if "sni" in value:
        line["sni"] = value["sni"]
    return line
