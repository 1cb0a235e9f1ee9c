/* Judges a configuration as a whole: what Istio's analyzers say that concerns an ingress gateway. One file a subject, each with a function
 * that adds what it finds. Reads resources only; nothing here decides what is served. */
#ifndef FAIRLEAD_ANALYSIS_ANALYSIS_H
#define FAIRLEAD_ANALYSIS_ANALYSIS_H

#include "analysis/known_hosts.h"
#include "analysis/message.h"
#include "analysis/other_objects.h"
#include "analysis/workloads.h"
#include "resource/resource_set.h"

struct analysis {
    const struct resource_set *resources;
    const struct other_object_list *others; /* of kinds that are not served */
    const struct diagnostic_list *decoding; /* what was said while the resources were read */
    struct arena arena;
    struct mesh_config mesh;
    struct workloads workloads;
    struct known_hosts hosts;
    struct message_list messages;
};

/* Everything is borrowed until deinit. `decoding` holds the diagnostics of reading alone. */
void analysis_init(struct analysis *analysis, const struct resource_set *resources, const struct other_object_list *others,
                   const struct diagnostic_list *decoding);
void analysis_deinit(struct analysis *analysis);
/* The object that a diagnostic is about, by its title; NULL: none that the gateway reads. */
const struct object_meta *analysis_find_object(const struct analysis *analysis, struct span title);
/* It says that a file or document could not be read at all: for istioctl no message, but an exit code. */
bool analysis_is_unread(const struct diagnostic *diagnostic);
/* Runs all analyzers; the messages are in no order yet. */
void analysis_run(struct analysis *analysis);

/* --- The analyzers. Objects that admission refuses are judged, too: all that is wrong is said at once. What needs objects of a kind of which the input holds none (Services, Secrets, Pods) is not judged. --- */

/* schema.ValidationAnalyzer: IST0106, IST0133, IST0130, IST0131; what was found wrong with other kinds goes by its own code. */
void analyze_schema(struct analysis *analysis);
/* gateway.IngressGatewayPortAnalyzer: IST0101 (selector), IST0162. */
void analyze_gateway_ports(struct analysis *analysis);
/* gateway.SecretAnalyzer: IST0101 (credentialName), IST0161. */
void analyze_gateway_secrets(struct analysis *analysis);
/* gateway.CertificateAnalyzer: IST0138. */
void analyze_gateway_certificates(struct analysis *analysis);
/* gateway.ConflictingGatewayAnalyzer: IST0145. */
void analyze_gateway_conflicts(struct analysis *analysis);
/* virtualservice.GatewayAnalyzer: IST0101 (gateway), IST0132, IST0165. */
void analyze_virtual_service_gateways(struct analysis *analysis);
/* virtualservice.DestinationHostAnalyzer: IST0101 (host, mirror host, host:port), IST0112, IST0140. */
void analyze_virtual_service_destinations(struct analysis *analysis);
/* virtualservice.DestinationRuleAnalyzer: IST0101 (host+subset, mirror+subset). */
void analyze_virtual_service_subsets(struct analysis *analysis);
/* destinationrule.CaCertificateAnalyzer: IST0128, IST0129. */
void analyze_destination_rule_tls(struct analysis *analysis);
/* destinationrule.SubsetSelectPodAnalyzer: IST0173, IST0174. */
void analyze_destination_rule_subsets(struct analysis *analysis);
/* serviceentry.Analyzer and ConflictingServiceEntryProtocolAnalyzer: IST0134, IST0177. */
void analyze_service_entries(struct analysis *analysis);
/* service.PortNameAnalyzer: IST0118, IST0150. */
void analyze_service_ports(struct analysis *analysis);
/* k8sgateway.CRDVersionAnalyzer and conditions.ConditionAnalyzer: IST0176, IST0171. */
void analyze_gateway_api(struct analysis *analysis);
/* deprecation.DeprecationAnalyzer: IST0002. */
void analyze_deprecations(struct analysis *analysis);
/* annotations.K8sAnalyzer, as far as names go: IST0108. */
void analyze_annotations(struct analysis *analysis);

/* The destination of each rule of a VirtualService, mirrors too. */
struct destination_visit {
    const struct route_destination *destination;
    bool is_http;
};
typedef void destination_function(void *argument, const struct virtual_service *service, const struct destination_visit *visit);
void visit_destinations(const struct virtual_service *service, destination_function *function, void *argument);

#endif
