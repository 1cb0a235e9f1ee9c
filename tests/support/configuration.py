"""Istio YAML for tests, written as Python objects (JSON is YAML)."""
import json

# Where the fixture `serve` serves its routes.
ACTIONS_HOST = "act.example.com"


def listing(*objects):
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}, indent=1)


def operator(ports, mesh=None):
    """An IstioOperator whose ingress Service has (name, port, targetPort)."""
    value = [{"name": name, "port": port, "targetPort": target, "protocol": "TCP"} for name, port, target in ports]
    return {
        "apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "metadata": {"name": "control-plane", "namespace": "istio-system"},
        "spec": {"components": {"ingressGateways": [{"name": "istio-ingressgateway", "enabled": True, "k8s": {"overlays": [
            {"apiVersion": "v1", "kind": "Service", "name": "istio-ingressgateway", "patches": [{"path": "spec.ports", "value": value}]}]}}]},
            "meshConfig": dict({"accessLogFile": "/dev/stdout", "accessLogEncoding": "JSON"}, **(mesh or {}))},
    }


def server(number, protocol, hosts, tls=None, name=None):
    value = {"port": {"number": number, "name": name or f"{protocol.lower()}-{number}", "protocol": protocol}, "hosts": list(hosts)}
    if tls:
        value["tls"] = tls
    return value


def gateway(*servers, name="gateway", namespace="istio-config"):
    return {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"istio": "ingressgateway"}, "servers": list(servers)}}


def virtual_service(name, hosts, http=None, tls=None, tcp=None, gateways=("gateway",), namespace="istio-config"):
    spec = {"hosts": list(hosts), "gateways": list(gateways)}
    for key, value in (("http", http), ("tls", tls), ("tcp", tcp)):
        if value:
            spec[key] = value
    return {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def destination(host, port, weight=None):
    value = {"destination": {"host": host, "port": {"number": port}}}
    if weight is not None:
        value["weight"] = weight
    return value


def service_entry(host, port, *endpoint_ports, protocol="HTTP", namespace="istio-config"):
    """A STATIC ServiceEntry: `host`:`port` is served by 127.0.0.1 on each of endpoint_ports."""
    return {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": host.replace(".", "-"), "namespace": namespace},
            "spec": {"hosts": [host], "location": "MESH_EXTERNAL", "resolution": "STATIC",
                     "ports": [{"number": port, "name": "port", "protocol": protocol}],
                     "endpoints": [{"address": "127.0.0.1", "ports": {"port": endpoint}} for endpoint in endpoint_ports]}}


def service(name, namespace, ports):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": {"app": name}, "ports": [{"name": port_name, "port": port, "targetPort": port} for port_name, port in ports]}}


def endpoint_slice(service_name, namespace, port_name, port, address="127.0.0.1"):
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": service_name + "-1", "namespace": namespace, "labels": {"kubernetes.io/service-name": service_name}},
            "ports": [{"name": port_name, "port": port, "protocol": "TCP"}],
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}]}
