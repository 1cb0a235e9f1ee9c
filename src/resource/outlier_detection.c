#include "resource/outlier_detection.h"

#include "base/clock.h"

struct outlier_settings {
    struct located_number consecutive_errors, local_origin_failures, gateway_errors, server_errors;
    struct located_number interval_ns, base_ejection_time_ns, max_ejection_percent, min_health_percent;
    struct located_flag split_local_origin_errors;
};

void outlier_detection_decode(struct decoder *decoder, const struct node *node, void *target) {
    static const struct field fields[] = {
        FIELD_NUMBER_AT("consecutiveErrors", struct outlier_settings, consecutive_errors, 0, INT32_MAX),
        FIELD_AT("splitExternalLocalOriginErrors", FIELD_FLAG, struct outlier_settings, split_local_origin_errors),
        FIELD_NUMBER_AT("consecutiveLocalOriginFailures", struct outlier_settings, local_origin_failures, 0, UINT32_MAX),
        FIELD_NUMBER_AT("consecutiveGatewayErrors", struct outlier_settings, gateway_errors, 0, UINT32_MAX),
        FIELD_NUMBER_AT("consecutive5xxErrors", struct outlier_settings, server_errors, 0, UINT32_MAX),
        FIELD_DURATION_AT("interval", struct outlier_settings, interval_ns, MILLISECONDS(1)),
        FIELD_DURATION_AT("baseEjectionTime", struct outlier_settings, base_ejection_time_ns, MILLISECONDS(1)),
        FIELD_NUMBER_AT("maxEjectionPercent", struct outlier_settings, max_ejection_percent, 0, 100),
        FIELD_NUMBER_AT("minHealthPercent", struct outlier_settings, min_health_percent, 0, 100),
    };
    struct outlier_settings settings = {0};
    (void)target;
    DECODE_MAPPING(decoder, node, fields, &settings);
    if (settings.consecutive_errors.value != 0)
        decode_warning(decoder, DIAGNOSTIC_FIELD_VALUE, settings.consecutive_errors.position,
                       "use consecutiveGatewayErrors or consecutive5xxErrors", "consecutiveErrors is deprecated");
    if (settings.local_origin_failures.value > 0 && !settings.split_local_origin_errors.value)
        decode_error(decoder, DIAGNOSTIC_FIELD_CONFLICT, settings.local_origin_failures.position,
                     "set splitExternalLocalOriginErrors: true, or remove it",
                     "consecutiveLocalOriginFailures counts only with splitExternalLocalOriginErrors");
}
