#include "compile/client_demand.h"

#include "compile/compiler.h"
#include "compile/trust.h"
#include "tls/client_demand.h"

static void unpin(void *demand) {
    tls_client_demand_unpin(demand);
}

static const struct located *ca_credential_of(const struct gateway_tls *tls) {
    if (tls->ca_cert_credential_name.text.size > 0)
        return &tls->ca_cert_credential_name;
    /* Of several certificates the first one's counts. */
    if (tls->credential_names.count > 0)
        return &tls->credential_names.items[0];
    return &tls->credential_name;
}

static const struct located *ca_file_of(const struct gateway_tls *tls) {
    if (tls->ca_certificates.text.size == 0 && tls->tls_certificate_count > 0)
        return &tls->tls_certificates[0].ca_certificates;
    return &tls->ca_certificates;
}

static struct tls_trust *find_trust(struct compiler *compiler, const struct merged_server *server) {
    const struct gateway_tls *tls = server->server->tls;
    const struct object_meta *meta = &server->gateway->meta;
    const struct located *credential = ca_credential_of(tls);
    const struct located *file = ca_file_of(tls);
    if (tls->mode == GATEWAY_TLS_ISTIO_MUTUAL) {
        const struct mesh_identity *mesh = compiler->options->mesh_identity.size == 0 ? NULL : compile_mesh_identity(compiler);
        return mesh == NULL || !mesh->is_usable ? NULL : mesh->trust;
    }
    if (credential->text.size > 0)
        return compile_trust_of_credential(compiler, meta, credential);
    if (file->text.size > 0)
        return compile_trust_of_files(compiler, meta, file, &tls->ca_crl);
    if (compiler_first_report(compiler, DIAGNOSTIC_CLIENT_TRUST, tls->position, meta))
        compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_CLIENT_TRUST, tls->position, meta, "set caCertificates, or use a credentialName",
                        "%.*s: the mode verifies clients, but nothing says whom to trust; handshakes are closed", SPAN_ARGUMENTS(server->title));
    return NULL;
}

/* A pin that cannot be read fits no certificate; without any that can, nobody may come in. */
static void take_pins(struct compiler *compiler, const struct object_meta *meta, const struct located_list *written,
                      bool (*is_valid)(struct span), struct span_list *ret_pins) {
    struct span_list pins = {0};
    for (size_t i = 0; i < written->count; i++) {
        if (is_valid(written->items[i].text))
            ARRAY_APPEND(&compiler->scratch, &pins, written->items[i].text);
        else if (compiler_first_report(compiler, DIAGNOSTIC_TLS_SETTING, written->items[i].position, meta))
            compiler_report(compiler, DIAGNOSTIC_ERROR, DIAGNOSTIC_TLS_SETTING, written->items[i].position, meta,
                            "verifyCertificateSpki wants base64 and verifyCertificateHash hex, of a SHA-256",
                            "\"%.*s\" is no hash; it fits no certificate", SPAN_ARGUMENTS(written->items[i].text));
    }
    *ret_pins = pins;
}

static void report_skipped(struct compiler *compiler, const struct merged_server *server) {
    const struct gateway_tls *tls = server->server->tls;
    const struct object_meta *meta = &server->gateway->meta;
    if (compiler_first_report(compiler, DIAGNOSTIC_TLS_SETTING, tls->insecure_skip_verify.position, meta))
        compiler_report(compiler, DIAGNOSTIC_WARNING, DIAGNOSTIC_TLS_SETTING, tls->insecure_skip_verify.position, meta, "remove it",
                        "%.*s: insecureSkipVerify accepts any client certificate; authorities, subjectAltNames and hashes have no effect",
                        SPAN_ARGUMENTS(server->title));
}

static void set_demand(struct compiler *compiler, const struct tls_client_demand_options *options, struct filter_chain *chain) {
    chain->client_demand = tls_client_demand_create(options);
    arena_on_destroy(compiler->arena, unpin, chain->client_demand);
}

void compile_client_demand(struct compiler *compiler, const struct merged_server *server, struct filter_chain *chain) {
    const struct gateway_tls *tls = server->server->tls;
    const struct object_meta *meta = &server->gateway->meta;
    if (tls->mode != GATEWAY_TLS_MUTUAL && tls->mode != GATEWAY_TLS_OPTIONAL_MUTUAL && tls->mode != GATEWAY_TLS_ISTIO_MUTUAL)
        return;
    struct tls_client_demand_options options = {.is_optional = tls->mode == GATEWAY_TLS_OPTIONAL_MUTUAL};
    if (tls->insecure_skip_verify.value && tls->mode != GATEWAY_TLS_ISTIO_MUTUAL) {
        options.skips_verification = true;
        report_skipped(compiler, server);
        set_demand(compiler, &options, chain);
        return;
    }
    struct span_list names = {0};
    struct span_list spki_pins, certificate_pins;
    for (size_t i = 0; i < tls->subject_alt_names.count; i++)
        ARRAY_APPEND(&compiler->scratch, &names, tls->subject_alt_names.items[i].text);
    take_pins(compiler, meta, &tls->verify_certificate_spki, tls_spki_pin_is_valid, &spki_pins);
    take_pins(compiler, meta, &tls->verify_certificate_hash, tls_certificate_pin_is_valid, &certificate_pins);
    options.trust = find_trust(compiler, server);
    size_t written_pins = tls->verify_certificate_spki.count + tls->verify_certificate_hash.count;
    if (options.trust == NULL || (written_pins > 0 && spki_pins.count + certificate_pins.count == 0)) {
        chain->lacks_trust = true;
        return;
    }
    options.subject_alt_names = names.items;
    options.subject_alt_name_count = names.count;
    options.spki_pins = spki_pins.items;
    options.spki_pin_count = spki_pins.count;
    options.certificate_pins = certificate_pins.items;
    options.certificate_pin_count = certificate_pins.count;
    set_demand(compiler, &options, chain);
}
