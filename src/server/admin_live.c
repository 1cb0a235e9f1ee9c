/* What the gateway has now: its listeners, routes, endpoints and certificates. */
#include "base/arena.h"
#include "base/clock.h"
#include "server/admin.h"
#include "server/certificates.h"
#include "snapshot/dump_json.h"
#include "tls/identity.h"

void admin_answer_listeners(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    (void)request;
    const struct snapshot *snapshot = publisher_current(admin->publisher);
    struct json_writer json = admin_answer_json(answer);
    json_array_begin(&json);
    for (size_t i = 0; i < snapshot->listener_count; i++) {
        listener_dump_json_open(snapshot, snapshot->listeners[i], &json);
        json_put_bool(&json, "listening", listener_sockets_serve(admin->sockets, snapshot->listeners[i]));
        json_object_end(&json);
    }
    json_array_end(&json);
    json_finish(&json);
}

void admin_answer_routes(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    (void)request;
    struct json_writer json = admin_answer_json(answer);
    route_tables_dump_json(publisher_current(admin->publisher), &json);
    json_finish(&json);
}

/* --- Clusters --- */

static void put_endpoints(const struct cluster *cluster, bool tls_by_endpoint, bool resolved, struct json_writer *json) {
    json_put_array(json, "endpoints");
    for (size_t i = 0; cluster != NULL && i < cluster->endpoint_count; i++) {
        json_object_begin(json);
        json_put_text(json, "address", cluster->endpoints[i].address_text);
        if (cluster->weight_total > 0)
            json_put_number(json, "weight", cluster->endpoints[i].weight);
        /* Who is not ready is not among them, and none is put aside for its failures. */
        json_put_text(json, "status", SPAN_LITERAL("HEALTHY"));
        if (tls_by_endpoint)
            json_put_bool(json, "tls", cluster->endpoints[i].uses_tls);
        json_put_text(json, "from", resolved ? SPAN_LITERAL("dns") : SPAN_LITERAL("configuration"));
        json_object_end(json);
    }
    json_array_end(json);
}

void admin_answer_clusters(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    (void)request;
    const struct snapshot *snapshot = publisher_current(admin->publisher);
    struct json_writer json = admin_answer_json(answer);
    json_array_begin(&json);
    for (size_t i = 0; i < snapshot->cluster_count; i++) {
        const struct cluster *cluster = snapshot->clusters[i];
        bool resolved = cluster->name_count > 0;
        cluster_dump_json_open(cluster, &json);
        put_endpoints(resolved ? endpoint_table_find(admin->resolution->table, cluster->name) : cluster, cluster->tls_by_endpoint, resolved, &json);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_finish(&json);
}

/* --- Certificates --- */

static void put_fingerprint(const struct tls_identity *identity, struct json_writer *json) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = tls_identity_fingerprint(identity);
    char text[2 * TLS_SHA256_SIZE];
    for (size_t i = 0; i < TLS_SHA256_SIZE; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    json_put_text(json, "fingerprint_sha256", span_make(text, sizeof(text)));
}

static void put_date(struct json_writer *json, const char *key, int64_t seconds) {
    json_put_time(json, key, seconds <= 0 ? 0 : SECONDS(seconds));
}

static void put_identity(const struct tls_identity *identity, struct json_writer *json) {
    int64_t now = (int64_t)(clock_wall_ns() / NANOSECONDS_PER_SECOND);
    int64_t not_before = tls_identity_not_before(identity), not_after = tls_identity_not_after(identity);
    json_put_array(json, "names");
    for (size_t i = 0; i < tls_identity_name_count(identity); i++)
        json_text(json, tls_identity_name(identity, i));
    for (size_t i = 0; i < tls_identity_uri_count(identity); i++)
        json_text(json, tls_identity_uri(identity, i));
    json_array_end(json);
    json_put_text(json, "subject", tls_identity_subject(identity));
    json_put_text(json, "issuer", tls_identity_issuer(identity));
    json_put_text(json, "serial", tls_identity_serial(identity));
    json_put_text(json, "key_type", tls_identity_key_type(identity));
    json_put_number(json, "chain_certificates", tls_identity_chain_size(identity));
    put_date(json, "not_before", not_before);
    put_date(json, "not_after", not_after);
    json_key(json, "expires_in_s");
    json_signed(json, not_after - now);
    json_put_bool(json, "valid", not_before <= now && now <= not_after);
    put_fingerprint(identity, json);
}

static void put_certificate(const struct shown_certificate *certificate, struct json_writer *json) {
    json_object_begin(json);
    json_put_text(json, "shown_to", certificate->to_upstreams ? SPAN_LITERAL("upstreams") : SPAN_LITERAL("clients"));
    json_put_text(json, "credential", certificate->credential);
    json_put_text(json, "status", certificate->identity == NULL ? SPAN_LITERAL("MISSING") : SPAN_LITERAL("ACTIVE"));
    if (certificate->identity != NULL)
        put_identity(certificate->identity, json);
    json_put_array(json, "used_by");
    for (const struct certificate_user *user = certificate->users; user != NULL; user = user->next)
        json_text(json, user->name);
    json_array_end(json);
    json_object_end(json);
}

void admin_answer_certificates(const struct admin *admin, const struct local_request *request, struct local_answer *answer) {
    struct json_writer json = admin_answer_json(answer);
    json_array_begin(&json);
    const struct shown_certificate *certificate = certificates_find(publisher_current(admin->publisher), request->arena);
    for (; certificate != NULL; certificate = certificate->next)
        put_certificate(certificate, &json);
    json_array_end(&json);
    json_finish(&json);
}
