"""Every field of an HTTPRoute has a golden case that compiles it and a scenario that shows it on the wire. The table says which; a field that the
decoder learns without a line here fails."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent

# field: (golden case, scenario that shows it at work, scenario of where it does not apply: often the same). A field that only groups others is shown by them.
FIELDS = {
    "http.name": ("http-delegates", "test_delegates.py::test_rules_of_a_delegate_stand_in_for_the_rule_that_names_it",
        "test_matches.py::test_the_scheme_is_the_transports"),
    "http.delegate": ("http-delegates-mistakes", "test_delegates.py::test_rules_of_a_delegate_stand_in_for_the_rule_that_names_it",
        "test_delegates.py::test_a_delegate_that_cannot_be_used_takes_only_its_rule_with_it"),
    "http.delegate.namespace": ("http-delegates", "test_delegates.py::test_rules_of_a_delegate_stand_in_for_the_rule_that_names_it",
        "test_delegates.py::test_a_delegate_that_cannot_be_used_takes_only_its_rule_with_it"),
    "match.name": ("http-delegates", "test_matches.py::test_names_are_logged", "test_matches.py::test_names_are_logged"),
    "match.uri": ("http-matches", "test_matches.py::test_uri_regex_is_a_full_match_without_the_query",
        "test_matches.py::test_uri_regex_is_a_full_match_without_the_query"),
    "match.uri.exact": ("http-matches", "test_matches.py::test_uri_exact_and_prefix_are_compared_as_strings_without_the_query",
        "test_matches.py::test_uri_exact_and_prefix_are_compared_as_strings_without_the_query"),
    "match.uri.prefix": ("http-matches", "test_matches.py::test_uri_exact_and_prefix_are_compared_as_strings_without_the_query",
        "test_matches.py::test_uri_exact_and_prefix_are_compared_as_strings_without_the_query"),
    "match.uri.regex": ("http-matches", "test_matches.py::test_an_expression_that_explodes_elsewhere_takes_linear_time",
        "test_matches.py::test_a_bad_expression_refuses_the_object"),
    "match.ignoreUriCase": ("http-matches", "test_matches.py::test_uri_in_any_case", "test_matches.py::test_case_of_a_regex_counts_in_any_case"),
    "match.scheme": ("http-matches", "test_matches.py::test_the_scheme_is_the_transports", "test_matches.py::test_each_kind_of_text_in_each_condition"),
    "match.method": ("http-matches", "test_matches.py::test_method_and_scheme", "test_matches.py::test_each_kind_of_text_in_each_condition"),
    "match.authority": ("http-matches", "test_matches.py::test_authority_is_compared_with_port_and_case",
        "test_matches.py::test_each_kind_of_text_in_each_condition"),
    "match.headers": ("http-matches", "test_matches.py::test_headers_are_all_needed_and_repetitions_are_joined",
        "test_matches.py::test_each_kind_of_text_in_each_condition"),
    "match.withoutHeaders": ("v15-absent-headers", "test_matches.py::test_without_headers", "test_matches.py::test_each_kind_of_text_in_each_condition"),
    "match.queryParams": ("http-matches", "test_matches.py::test_query_parameters_are_raw_and_the_first_counts",
        "test_matches.py::test_each_kind_of_text_in_each_condition"),
    "match.port": ("http-matches", "test_matches.py::test_where_a_match_holds", "test_matches.py::test_where_a_match_holds"),
    "match.gateways": ("http-matches", "test_matches.py::test_where_a_match_holds", "test_matches.py::test_where_a_match_holds"),
    "match.sourceLabels": ("http-matches", "test_matches.py::test_where_a_match_holds", "test_matches.py::test_where_a_match_holds"),
    "match.sourceNamespace": ("http-matches", "test_matches.py::test_where_a_match_holds", "test_matches.py::test_where_a_match_holds"),
    "match.statPrefix": ("http-matches", "test_matches.py::test_where_a_match_holds", "test_matches.py::test_where_a_match_holds"),
    "route.destination": ("http-weights", "test_actions.py::test_weights", "test_actions.py::test_weights"),
    "destination.host": ("destinations", "test_destinations.py::test_subsets_are_the_pods_with_their_labels",
        "test_destinations.py::test_subsets_are_the_pods_with_their_labels"),
    "destination.port": ("v14-destination-without-port", "test_destinations.py::test_subsets_are_the_pods_with_their_labels",
        "test_destinations.py::test_subsets_are_the_pods_with_their_labels"),
    "destination.port.number": ("destinations", "test_destinations.py::test_subsets_are_the_pods_with_their_labels",
        "test_destinations.py::test_subsets_are_the_pods_with_their_labels"),
    "destination.subset": ("destinations", "test_destinations.py::test_subsets_are_the_pods_with_their_labels",
        "test_destinations.py::test_subsets_of_a_service_entry_are_its_endpoints_with_their_labels"),
    "route.weight": ("http-weights", "test_actions.py::test_weights", "test_actions.py::test_weights"),
    "redirect": ("http-redirects", "test_actions.py::test_redirect", "test_actions.py::test_redirect"),
    "redirect.uri": ("http-redirects", "test_actions.py::test_redirect", "test_actions.py::test_redirect"),
    "redirect.authority": ("http-redirects", "test_actions.py::test_redirect", "test_actions.py::test_redirect"),
    "redirect.scheme": ("http-redirects", "test_actions.py::test_redirect",
        "test_actions.py::test_redirect_keeps_the_port_that_came_unless_the_scheme_changes"),
    "redirect.port": ("http-redirects", "test_actions.py::test_redirect",
        "test_actions.py::test_redirect_keeps_the_port_that_came_unless_the_scheme_changes"),
    "redirect.derivePort": ("http-redirects", "test_actions.py::test_redirect", "test_actions.py::test_redirect"),
    "redirect.redirectCode": ("http-redirects", "test_actions.py::test_redirect", "test_actions.py::test_redirect"),
    "redirect.prefixRewrite": ("http-redirects", "test_actions.py::test_redirect", "test_actions.py::test_redirect"),
    "directResponse": ("http-direct-responses", "test_actions.py::test_direct_response", "test_actions.py::test_direct_response"),
    "directResponse.status": ("http-direct-responses", "test_actions.py::test_direct_response", "test_actions.py::test_direct_response"),
    "directResponse.body": ("http-direct-responses", "test_actions.py::test_direct_response", "test_actions.py::test_direct_response"),
    "directResponse.body.string": ("http-direct-responses", "test_actions.py::test_direct_response", "test_actions.py::test_direct_response"),
    "directResponse.body.bytes": ("http-direct-responses", "test_actions.py::test_direct_response", "test_actions.py::test_direct_response"),
    "rewrite": ("http-rewrites", "test_actions.py::test_rewrite", "test_actions.py::test_rewrite"),
    "rewrite.uri": ("http-rewrites", "test_actions.py::test_rewrite", "test_actions.py::test_rewrite"),
    "rewrite.authority": ("http-rewrites", "test_actions.py::test_rewrite", "test_actions.py::test_rewrite"),
    "rewrite.uriRegexRewrite": ("http-rewrites", "test_actions.py::test_rewrite", "test_actions.py::test_rewrite"),
    "rewrite.uriRegexRewrite.match": ("http-rewrites", "test_actions.py::test_rewrite", "test_actions.py::test_rewrite"),
    "rewrite.uriRegexRewrite.rewrite": ("v19-rewritten-prefixes", "test_actions.py::test_rewrite", "test_actions.py::test_rewrite"),
    "timeout": ("http-timeouts", "test_actions.py::test_timeout", "test_faults.py::test_a_delay_comes_before_the_upstream_and_before_the_timeout"),
    "retries": ("http-retries", "test_actions.py::test_retries", "test_retries.py::test_a_body_that_was_not_kept_is_never_sent_twice"),
    "retries.attempts": ("http-retries", "test_actions.py::test_retries", "test_retries.py::test_the_limit_is_logged"),
    "retries.retryOn": ("http-retries", "test_retries.py::test_words", "test_retries.py::test_a_connection_that_is_refused"),
    "retries.perTryTimeout": ("http-retries", "test_retries.py::test_tries_have_their_own_timeout",
        "test_retries.py::test_a_timeout_of_a_try_that_is_as_long_as_the_routes_is_none"),
    "retries.backoff": ("http-retries", "test_retries.py::test_backoff_is_jittered_and_bounded", "test_retries.py::test_backoff_is_jittered_and_bounded"),
    "retries.retryRemoteLocalities": ("http-retries", "test_retries.py::test_fields_about_other_endpoints_do_not_keep_a_single_one_from_being_tried_again",
        "test_retries.py::test_fields_about_other_endpoints_do_not_keep_a_single_one_from_being_tried_again"),
    "retries.retryIgnorePreviousHosts": ("http-retries", "test_retries.py::test_hosts_of_earlier_tries_are_avoided",
        "test_retries.py::test_fields_about_other_endpoints_do_not_keep_a_single_one_from_being_tried_again"),
    "fault": ("http-fault", "test_faults.py::test_a_delay_and_then_an_abort", "test_faults.py::test_a_fault_without_a_share_or_a_kind_never_happens"),
    "fault.abort": ("http-fault", "test_faults.py::test_an_abort_never_reaches_the_upstream",
        "test_faults.py::test_a_fault_without_a_share_or_a_kind_never_happens"),
    "fault.abort.httpStatus": ("http-fault", "test_faults.py::test_an_abort_never_reaches_the_upstream",
        "test_faults.py::test_a_fault_without_a_share_or_a_kind_never_happens"),
    "fault.abort.grpcStatus": ("http-fault", "test_faults.py::test_an_abort_with_a_status_of_grpc",
        "test_faults.py::test_a_fault_without_a_share_or_a_kind_never_happens"),
    "fault.percentage": ("http-fault", "test_faults.py::test_shares_of_aborts", "test_faults.py::test_a_fault_without_a_share_or_a_kind_never_happens"),
    "fault.percent": ("http-fault", "test_faults.py::test_a_delay_comes_before_the_upstream_and_before_the_timeout",
        "test_faults.py::test_a_fault_without_a_share_or_a_kind_never_happens"),
    "fault.delay": ("http-fault", "test_faults.py::test_shares_of_delays", "test_faults.py::test_a_fault_without_a_share_or_a_kind_never_happens"),
    "fault.delay.fixedDelay": ("http-fault", "test_faults.py::test_a_delay_comes_before_the_upstream_and_before_the_timeout",
        "test_faults.py::test_a_fault_without_a_share_or_a_kind_never_happens"),
    "mirror": ("http-mirrors", "test_mirrors.py::test_a_copy_arrives", "test_mirrors.py::test_a_mirror_that_fails_does_not_touch_the_client"),
    "mirrors": ("http-mirrors", "test_mirrors.py::test_several_mirrors_and_their_shares", "test_mirrors.py::test_several_mirrors_and_their_shares"),
    "mirrorPercentage": ("http-mirrors", "test_mirrors.py::test_the_share_of_requests", "test_mirrors.py::test_no_copy_of_zero_percent"),
    "mirrorPercent": ("http-mirrors", "test_mirrors.py::test_the_share_of_requests", "test_mirrors.py::test_the_share_of_requests"),
    "mirror_percent": ("http-mirrors", "test_mirrors.py::test_the_share_of_requests", "test_mirrors.py::test_the_share_of_requests"),
    "corsPolicy": ("http-cors", "test_cors.py::test_a_preflight_of_an_allowed_origin_is_answered",
        "test_cors.py::test_a_preflight_of_another_origin_goes_to_the_upstream"),
    "corsPolicy.allowOrigin": ("http-cors", "test_cors.py::test_stars", "test_cors.py::test_a_preflight_of_another_origin_goes_to_the_upstream"),
    "corsPolicy.allowOrigins": ("http-cors", "test_cors.py::test_a_preflight_of_an_allowed_origin_is_answered",
        "test_cors.py::test_a_preflight_of_another_origin_goes_to_the_upstream"),
    "corsPolicy.allowMethods": ("http-cors", "test_cors.py::test_a_preflight_of_an_allowed_origin_is_answered",
        "test_cors.py::test_a_preflight_of_another_origin_goes_to_the_upstream"),
    "corsPolicy.allowHeaders": ("http-cors", "test_cors.py::test_a_preflight_of_an_allowed_origin_is_answered",
        "test_cors.py::test_a_preflight_of_another_origin_goes_to_the_upstream"),
    "corsPolicy.exposeHeaders": ("http-cors", "test_cors.py::test_a_request_of_an_allowed_origin", "test_cors.py::test_stars"),
    "corsPolicy.maxAge": ("http-cors", "test_cors.py::test_a_preflight_of_an_allowed_origin_is_answered", "test_cors.py::test_stars"),
    "corsPolicy.allowCredentials": ("http-cors", "test_cors.py::test_a_request_of_an_allowed_origin", "test_cors.py::test_stars"),
    "corsPolicy.unmatchedPreflights": ("http-cors", "test_cors.py::test_or_is_answered_without_an_origin", "test_cors.py::test_also_when_that_is_said"),
    "headers": ("http-headers", "test_actions.py::test_headers_of_route_and_destination", "test_actions.py::test_fields_that_are_not_the_users_to_change"),
    "headers.request": ("http-headers", "test_actions.py::test_headers_of_route_and_destination",
        "test_actions.py::test_fields_that_are_not_the_users_to_change"),
    "headers.request.set": ("http-headers", "test_actions.py::test_headers_of_route_and_destination",
        "test_actions.py::test_fields_that_are_not_the_users_to_change"),
    "headers.request.add": ("http-headers", "test_actions.py::test_headers_of_route_and_destination",
        "test_actions.py::test_what_is_added_stands_behind_what_came"),
    "headers.request.remove": ("http-headers", "test_actions.py::test_headers_of_route_and_destination",
        "test_actions.py::test_fields_that_are_not_the_users_to_change"),
    "headers.response": ("http-headers", "test_actions.py::test_headers_of_route_and_destination",
        "test_actions.py::test_what_is_added_stands_behind_what_came"),
    "headers.response.set": ("http-headers", "test_actions.py::test_headers_of_route_and_destination",
        "test_actions.py::test_what_is_added_stands_behind_what_came"),
    "headers.response.add": ("http-headers", "test_actions.py::test_headers_of_route_and_destination",
        "test_actions.py::test_what_is_added_stands_behind_what_came"),
    "headers.response.remove": ("http-headers", "test_actions.py::test_headers_of_route_and_destination",
        "test_actions.py::test_what_is_added_stands_behind_what_came"),
    "hosts": ("v09-no-fall-through", "test_vectors.py::test_the_longest_wildcard_wins", "test_vectors.py::test_there_is_no_way_back_from_a_virtual_host"),
    "gateways": ("v08-catch-all-last", "test_vectors.py::test_gateways_of_a_virtual_service", "test_vectors.py::test_gateways_of_a_virtual_service"),
    "exportTo": ("v17-private-virtual-service", "test_vectors.py::test_export_to", "test_vectors.py::test_what_is_exported_when_nothing_is_said"),
}

# Vectors of the reference that are about routing: (golden case, scenario).
VECTORS = {
    "V8": ("v08-catch-all-last", "test_vectors.py::test_a_catch_all_of_an_older_virtual_service_comes_last"),
    "V9": ("v09-no-fall-through", "test_vectors.py::test_there_is_no_way_back_from_a_virtual_host"),
    "V15": ("v15-absent-headers", "test_vectors.py::test_absent_headers"),
    "V17": ("v17-private-virtual-service", "test_vectors.py::test_a_private_virtual_service_is_not_seen_from_another_namespace"),
    "V18": ("v18-hosts-in-any-case", "test_vectors.py::test_hosts_are_found_without_port_and_case_but_the_authority_is_compared_as_it_came"),
    "V19": ("v19-rewritten-prefixes", "test_vectors.py::test_rewritten_prefixes"),
}

# Each is a reason for another try of one answer, and none of another, in test_retries.py::test_words; refused-stream is one only over HTTP/2.
RETRY_WORDS = ["5xx", "gateway-error", "reset", "retriable-4xx", "retriable-status-codes,503", "404", "cancelled", "deadline-exceeded", "internal",
               "resource-exhausted", "unavailable"]

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


def has_scenario(scenario):
    file, test = scenario.split("::")
    return re.search(rf"^def {test}\(", (ROOT / "tests/scenario" / file).read_text(), re.M)


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_has_its_golden_case_and_its_scenarios(field):
    golden, *scenarios = FIELDS[field]
    name = field.rsplit(".", 1)[-1]
    cases = sorted((ROOT / "tests/golden" / golden).glob("input*.yaml"))
    assert any(re.search(rf"\b{name}:", path.read_text()) for path in cases), f"tests/golden/{golden} does not use {name}"
    assert [scenario for scenario in scenarios if not has_scenario(scenario)] == []


@pytest.mark.parametrize("vector", VECTORS)
def test_a_vector_has_its_golden_case_and_its_scenario(vector):
    golden, scenario = VECTORS[vector]
    assert (ROOT / "tests/golden" / golden).is_dir() and has_scenario(scenario)


@pytest.mark.parametrize("word", RETRY_WORDS)
def test_a_word_about_retries_is_met_and_not_met(word):
    rows = re.findall(r'\("([^"]+)", (?:None|"[^"]*"), ([12])\)', (ROOT / "tests/scenario/test_retries.py").read_text())
    assert {tries for written, tries in rows if written == word} == {"1", "2"}
