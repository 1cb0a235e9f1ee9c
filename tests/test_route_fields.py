"""Every field of an HTTPRoute has a golden case that compiles it and a scenario that shows it on the wire. The table says which; a field that the
decoder learns without a line here fails."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# field: (golden case, scenario). A field that only groups others is shown by them.
FIELDS = {
    "http.name": ("http-delegates", "test_delegates.py::test_rules_of_a_delegate_stand_in_for_the_rule_that_names_it"),
    "http.delegate": ("http-delegates-mistakes", "test_delegates.py::test_a_delegate_that_cannot_be_used_takes_only_its_rule_with_it"),
    "http.delegate.namespace": ("http-delegates", "test_delegates.py::test_rules_of_a_delegate_stand_in_for_the_rule_that_names_it"),
    "match.name": ("http-delegates", "test_delegates.py::test_rules_of_a_delegate_stand_in_for_the_rule_that_names_it"),
    "match.uri": ("http-matches", "test_matches.py::test_uri_regex_is_a_full_match_without_the_query"),
    "match.uri.exact": ("http-matches", "test_matches.py::test_uri_in_any_case"),
    "match.uri.prefix": ("http-matches", "test_matches.py::test_uri_in_any_case"),
    "match.uri.regex": ("http-matches", "test_matches.py::test_an_expression_that_explodes_elsewhere_takes_linear_time"),
    "match.ignoreUriCase": ("http-matches", "test_matches.py::test_uri_in_any_case"),
    "match.scheme": ("http-matches", "test_matches.py::test_method_and_scheme"),
    "match.method": ("http-matches", "test_matches.py::test_method_and_scheme"),
    "match.authority": ("http-matches", "test_matches.py::test_authority_is_compared_with_port_and_case"),
    "match.headers": ("http-matches", "test_matches.py::test_headers_are_all_needed_and_repetitions_are_joined"),
    "match.withoutHeaders": ("v15-absent-headers", "test_matches.py::test_without_headers"),
    "match.queryParams": ("http-matches", "test_matches.py::test_query_parameters_are_raw_and_the_first_counts"),
    "match.port": ("http-matches", "test_matches.py::test_where_a_match_holds"),
    "match.gateways": ("http-matches", "test_matches.py::test_where_a_match_holds"),
    "match.sourceLabels": ("http-matches", "test_matches.py::test_where_a_match_holds"),
    "match.sourceNamespace": ("http-matches", "test_matches.py::test_where_a_match_holds"),
    "match.statPrefix": ("http-matches", "test_matches.py::test_where_a_match_holds"),
    "route.destination": ("http-weights", "test_actions.py::test_weights"),
    "destination.host": ("destinations", "test_destinations.py::test_subsets_are_the_pods_with_their_labels"),
    "destination.port": ("v14-destination-without-port", "test_destinations.py::test_subsets_are_the_pods_with_their_labels"),
    "destination.port.number": ("destinations", "test_destinations.py::test_subsets_are_the_pods_with_their_labels"),
    "destination.subset": ("destinations", "test_destinations.py::test_subsets_are_the_pods_with_their_labels"),
    "route.weight": ("http-weights", "test_actions.py::test_weights"),
    "redirect": ("http-redirects", "test_actions.py::test_redirect"),
    "redirect.uri": ("http-redirects", "test_actions.py::test_redirect"),
    "redirect.authority": ("http-redirects", "test_actions.py::test_redirect"),
    "redirect.scheme": ("http-redirects", "test_actions.py::test_redirect"),
    "redirect.port": ("http-redirects", "test_actions.py::test_redirect"),
    "redirect.derivePort": ("http-redirects", "test_actions.py::test_redirect"),
    "redirect.redirectCode": ("http-redirects", "test_actions.py::test_redirect"),
    "redirect.prefixRewrite": ("http-redirects", "test_actions.py::test_redirect"),
    "directResponse": ("http-direct-responses", "test_actions.py::test_direct_response"),
    "directResponse.status": ("http-direct-responses", "test_actions.py::test_direct_response"),
    "directResponse.body": ("http-direct-responses", "test_actions.py::test_direct_response"),
    "directResponse.body.string": ("http-direct-responses", "test_actions.py::test_direct_response"),
    "directResponse.body.bytes": ("http-direct-responses", "test_actions.py::test_direct_response"),
    "rewrite": ("http-rewrites", "test_actions.py::test_rewrite"),
    "rewrite.uriRegexRewrite": ("http-rewrites", "test_actions.py::test_rewrite"),
    "rewrite.uriRegexRewrite.match": ("http-rewrites", "test_actions.py::test_rewrite"),
    "rewrite.uriRegexRewrite.rewrite": ("v19-rewritten-prefixes", "test_actions.py::test_rewrite"),
    "timeout": ("http-timeouts", "test_actions.py::test_timeout"),
    "retries": ("http-retries", "test_actions.py::test_retries"),
    "retries.attempts": ("http-retries", "test_actions.py::test_retries"),
    "retries.retryOn": ("http-retries", "test_retries.py::test_words"),
    "retries.perTryTimeout": ("http-retries", "test_retries.py::test_tries_have_their_own_timeout"),
    "retries.backoff": ("http-retries", "test_retries.py::test_backoff_is_jittered_and_bounded"),
    "retries.retryRemoteLocalities": ("http-retries", "test_retries.py::test_fields_about_other_endpoints_do_not_keep_a_single_one_from_being_tried_again"),
    "retries.retryIgnorePreviousHosts": ("http-retries", "test_retries.py::test_fields_about_other_endpoints_do_not_keep_a_single_one_from_being_tried_again"),
    "fault": ("http-fault", "test_faults.py::test_a_delay_and_then_an_abort"),
    "fault.abort": ("http-fault", "test_faults.py::test_an_abort_never_reaches_the_upstream"),
    "fault.abort.httpStatus": ("http-fault", "test_faults.py::test_an_abort_never_reaches_the_upstream"),
    "fault.abort.grpcStatus": ("http-fault", "test_faults.py::test_an_abort_with_a_status_of_grpc"),
    "fault.percentage": ("http-fault", "test_faults.py::test_shares_of_aborts"),
    "fault.percent": ("http-fault", "test_faults.py::test_a_delay_comes_before_the_upstream_and_before_the_timeout"),
    "fault.delay": ("http-fault", "test_faults.py::test_shares_of_delays"),
    "fault.delay.fixedDelay": ("http-fault", "test_faults.py::test_shares_of_delays"),
    "mirror": ("http-mirrors", "test_mirrors.py::test_the_share_of_requests"),
    "mirrors": ("http-mirrors", "test_mirrors.py::test_several_mirrors_and_their_shares"),
    "mirrorPercentage": ("http-mirrors", "test_mirrors.py::test_the_share_of_requests"),
    "mirrorPercent": ("http-mirrors", "test_mirrors.py::test_the_share_of_requests"),
    "mirror_percent": ("http-mirrors", "test_mirrors.py::test_the_share_of_requests"),
    "corsPolicy": ("http-cors", "test_cors.py::test_a_preflight_of_an_allowed_origin_is_answered"),
    "corsPolicy.allowOrigin": ("http-cors", "test_cors.py::test_stars"),
    "corsPolicy.allowOrigins": ("http-cors", "test_cors.py::test_a_preflight_of_another_origin_goes_to_the_upstream"),
    "corsPolicy.allowMethods": ("http-cors", "test_cors.py::test_a_preflight_of_an_allowed_origin_is_answered"),
    "corsPolicy.allowHeaders": ("http-cors", "test_cors.py::test_a_preflight_of_an_allowed_origin_is_answered"),
    "corsPolicy.exposeHeaders": ("http-cors", "test_cors.py::test_a_request_of_an_allowed_origin"),
    "corsPolicy.maxAge": ("http-cors", "test_cors.py::test_a_preflight_of_an_allowed_origin_is_answered"),
    "corsPolicy.allowCredentials": ("http-cors", "test_cors.py::test_a_request_of_an_allowed_origin"),
    "corsPolicy.unmatchedPreflights": ("http-cors", "test_cors.py::test_or_is_answered_without_an_origin"),
    "headers": ("http-headers", "test_actions.py::test_headers_of_route_and_destination"),
    "headers.request": ("http-headers", "test_actions.py::test_headers_of_route_and_destination"),
    "headers.response": ("http-headers", "test_actions.py::test_headers_of_route_and_destination"),
    "headers.request.set": ("http-headers", "test_actions.py::test_headers_of_route_and_destination"),
    "headers.request.add": ("http-headers", "test_actions.py::test_headers_of_route_and_destination"),
    "headers.request.remove": ("http-headers", "test_actions.py::test_headers_of_route_and_destination"),
    "hosts": ("v09-no-fall-through", "test_vectors.py::test_there_is_no_way_back_from_a_virtual_host"),
    "gateways": ("v08-catch-all-last", "test_vectors.py::test_a_catch_all_of_an_older_virtual_service_comes_last"),
    "exportTo": ("v17-private-virtual-service", "test_vectors.py::test_a_private_virtual_service_is_not_seen_from_another_namespace"),
}

# What the same decoders know of TLS and TCP routes, what only lists others, and what Istio refuses.
NOT_OF_HTTP_ROUTES = {"http", "tls", "tcp", "match", "route", "sniHosts", "destinationSubnets", "sourceSubnet", "exponentialDelay"}


def decoded_names():
    names = set()
    for stem in ("virtual_service", "http_match", "http_action", "http_cors", "http_fault", "http_mirror"):
        text = (ROOT / "src/resource" / f"{stem}.c").read_text()
        names |= set(re.findall(r'FIELD_[A-Z_]+\("([A-Za-z_]+)"', text)) | set(re.findall(r'^\s*\{"([a-z]+)", FIELD_', text, re.M))
    return names


def test_every_field_that_is_decoded_stands_in_the_table():
    assert decoded_names() - {field.rsplit(".", 1)[-1] for field in FIELDS} - NOT_OF_HTTP_ROUTES == set()


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_has_its_golden_case_and_its_scenario(field):
    golden, scenario = FIELDS[field]
    name = field.rsplit(".", 1)[-1]
    cases = sorted((ROOT / "tests/golden" / golden).glob("input*.yaml"))
    assert any(re.search(rf"\b{name}:", path.read_text()) for path in cases), f"tests/golden/{golden} does not use {name}"
    file, test = scenario.split("::")
    text = (ROOT / "tests/scenario" / file).read_text()
    assert re.search(rf"^def {test}\(", text, re.M), f"tests/scenario/{file} has no {test}"
